from __future__ import annotations

import json
import logging
from typing import Annotated

import numpy as np
import pytest
import torch

from sfumato.core.bounds import Between
from sfumato.core.operator import ImageOperator
from sfumato.core.sample import Sample
from sfumato.core.spec import from_yaml, to_yaml
from sfumato.data.degraded import DegradedPictures
from sfumato.data.loader import SKIPPED, Loader, _Reader
from sfumato.data.picture_folder import PictureFolder
from sfumato.data.picture_pairs import PicturePairs
from sfumato.data.picture_table import PictureTable
from sfumato.data.scene_views import SceneViews
from sfumato.data.source import SampleList, Source
from sfumato.errors import FileError, RangeError, ShapeError
from sfumato.io.picture import write


class Grain(ImageOperator):
    """Add seeded noise, for these tests."""

    amount: Annotated[int, Between(1, 100)] = 30

    def apply_image(self, image, rng):
        return image + rng.integers(0, self.amount, image.shape).astype(image.dtype)


def numbered(count):
    return SampleList(
        samples=tuple(
            Sample(np.full((3, 4, 1), 2 * k, np.uint8), meta={"number": k}) for k in range(count)
        )
    )


def taken(batches, count):
    return [next(batches) for _ in range(count)]


def numbers(batches):
    return [meta["number"] for batch in batches for meta in batch.meta]


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(7):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "labels").mkdir(exist_ok=True)
        picture = rng.integers(0, 256, (9, 11, 3), np.uint8)
        write(tmp_path / "in" / f"p{k}.png", picture)
        write(tmp_path / "out" / f"p{k}.jpg", picture)
        write(tmp_path / "labels" / f"p{k}.png", (picture[..., :1] // 100).astype(np.uint8))
    return tmp_path


def test_each_pass_shows_every_sample_once_in_another_order():
    loader = Loader(source=numbered(10), batch_size=4)
    seen = numbers(taken(loader.batches(seed=3), 5))
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]
    assert seen != numbers(taken(loader.batches(seed=4), 5))
    ordered = Loader(source=numbered(10), batch_size=5, shuffle=False)
    assert numbers(taken(ordered.batches(), 4)) == 2 * list(range(10))


@pytest.mark.parametrize("workers", [0, 2])
def test_any_batch_of_the_series_is_had_by_its_number(workers):
    source = numbered(7)
    whole = taken(Loader(source=source, batch_size=3, augment=Grain()).batches(seed=5), 9)
    part = Loader(source=source, batch_size=3, augment=Grain(), workers=workers)
    for start, stride in ((4, 1), (0, 2), (1, 2)):
        some = taken(part.batches(seed=5, start=start, stride=stride), 2)
        for one, other in zip(some, whole[start::stride], strict=False):
            assert torch.equal(one.image, other.image)
            assert one.meta == other.meta


def test_augmentation_differs_from_pass_to_pass_and_leaves_validation_alone():
    loader = Loader(source=numbered(1), batch_size=1, augment=Grain())
    first, second = taken(loader.batches(), 2)
    assert not torch.equal(first.image, second.image)
    plain = [batch.image for batch in loader.once()]
    assert torch.equal(plain[0], torch.zeros(1, 1, 3, 4))


def test_what_is_drawn_for_validation_is_not_what_training_saw():
    loader = Loader(
        source=DegradedPictures(source=numbered(1), degrade=Grain()), batch_size=1, shuffle=False
    )
    seen = [batch.image for batch in taken(loader.batches(seed=0), 5)]
    judged = next(loader.once()).image
    assert not any(torch.equal(judged, image) for image in seen)


def test_every_sample_is_validated_once_and_in_order():
    batches = list(Loader(source=numbered(5), batch_size=2, augment=Grain(), workers=1).once())
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert numbers(batches) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_file_stops_or_is_passed_over_and_reported(folder, workers, caplog):
    (folder / "in" / "p3.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    source = PictureFolder(folder=folder / "in")
    with pytest.raises(FileError, match=r"p3\.png"):
        list(Loader(source=source, batch_size=2, workers=workers).once())
    loader = Loader(source=source, batch_size=7, shuffle=False, broken="skip", workers=workers)
    with caplog.at_level(logging.WARNING):
        batch = next(iter(loader.batches()))
    names = [meta["file_name"] for meta in batch.meta]
    assert names == [f"p{k}.png" for k in (0, 1, 2, 4, 4, 5, 6)]
    assert "p3.png" in batch.meta[3][SKIPPED][0]
    assert workers or "p3.png" in caplog.text


def test_a_source_without_one_good_file_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(FileError, match="none of the 1 samples"):
        next(Loader(source=PictureFolder(folder=tmp_path), broken="skip").batches())


def test_nothing_at_all_is_refused_and_validates_as_nothing():
    nothing = Loader(source=SampleList(samples=()))
    with pytest.raises(FileError, match="SampleList holds no sample"):
        nothing.batches()
    assert list(nothing.once()) == []


def test_the_cache_changes_nothing_but_the_reading(folder, monkeypatch):
    source = PictureFolder(folder=folder / "in")
    plain = taken(Loader(source=source, batch_size=7).batches(seed=1), 2)
    reads = []
    read = PictureFolder.read
    monkeypatch.setattr(PictureFolder, "read", lambda s, k, r: reads.append(k) or read(s, k, r))
    cached = taken(Loader(source=source, batch_size=7, cache_mb=1).batches(seed=1), 2)
    assert sorted(reads) == list(range(7))
    for one, other in zip(plain, cached, strict=True):
        assert torch.equal(one.image, other.image)


def test_the_cache_forgets_what_was_not_used_for_longest():
    class Large(Source):
        def __len__(self):
            return 9

        def read(self, index, rng):
            reads.append(index)
            return Sample(np.zeros((400, 1000, 1), np.uint8))

    reads: list[int] = []
    reader = _Reader(Loader(source=Large(), cache_mb=1), 0, training=False)  # two have room
    for index in (0, 1, 0, 2, 0, 2, 1):
        reader[index]
    assert reads == [0, 1, 2, 1]


def test_loaders_are_written_and_read_like_anything_else(folder):
    loader = Loader(
        source=PicturePairs(images=folder / "in", targets=folder / "out"), augment=Grain()
    )
    assert from_yaml(to_yaml(loader), trust=(Grain.__module__,)) == loader


def test_pairs_belong_together_by_name(folder):
    pairs = PicturePairs(
        images=folder / "in", targets=folder / "out", masks=folder / "labels", hints=folder / "in"
    )
    sample = pairs[4]
    assert sample.meta["file_name"] == "p4.png"
    np.testing.assert_array_equal(sample.image, sample.hint)
    np.testing.assert_array_equal(sample.mask, sample.image[..., 0] // 100)
    assert np.abs(sample.target.astype(int) - sample.image).mean() < 40  # JPEG of noise


def test_captions_may_lie_beside_the_pictures(folder):
    for k in range(7):
        (folder / "in" / f"p{k}.txt").write_text(f"number {k},\n  of noise\n")
    pairs = PicturePairs(images=folder / "in", hints=folder / "out", texts=folder / "in")
    assert pairs[3].text == "number 3, of noise"
    assert pairs[3].hint.shape == (9, 11, 3)
    batch = next(Loader(source=pairs, batch_size=2).once())
    assert batch.text == ("number 0, of noise", "number 1, of noise")
    (folder / "in" / "p3.txt").unlink()
    with pytest.raises(FileError, match="'p3' is in .* and not in "):
        len(PicturePairs(images=folder / "in", texts=folder / "in"))
    with pytest.raises(FileError, match=r"no \.txt in .*out"):
        len(PicturePairs(images=folder / "in", texts=folder / "out"))


def test_names_without_a_partner_are_an_error(folder):
    (folder / "out" / "p2.jpg").unlink()
    with pytest.raises(FileError, match=r"'p2' is in .*in and not in .*out"):
        len(PicturePairs(images=folder / "in", targets=folder / "out"))
    (folder / "in" / "p2.png").unlink()
    assert len(PicturePairs(images=folder / "in", targets=folder / "out")) == 6
    write(folder / "out" / "new.png", np.zeros((2, 2, 1), np.uint8))
    with pytest.raises(FileError, match=r"'new' is in .*out and not in .*in"):
        len(PicturePairs(images=folder / "in", targets=folder / "out"))


def test_labels_out_of_range_are_refused_with_their_file(folder):
    pairs = PicturePairs(images=folder / "in", masks=folder / "labels", classes=2)
    with pytest.raises(RangeError, match=r"p0\.png: label 2 is outside 0 to 1"):
        pairs[0]
    fine = PicturePairs(images=folder / "in", masks=folder / "labels", classes=2, ignored_label=2)
    assert fine[0].mask.max() == 2


def test_labels_of_another_size_are_refused(folder):
    write(folder / "labels" / "p0.png", np.zeros((3, 3, 1), np.uint8), overwrite=True)
    with pytest.raises(ShapeError, match=r"the labels are \(3, 3\)"):
        PicturePairs(images=folder / "in", masks=folder / "labels")[0]


def test_folders_can_be_classes(folder):
    pictures = PictureFolder(folder=folder, labeled=True)
    assert pictures.classes == ("in", "labels", "out")
    assert [pictures[k].meta["label"] for k in (0, 7, 14)] == [0, 1, 2]
    with pytest.raises(FileError, match="no folder that could be its class"):
        len(PictureFolder(folder=folder / "in", labeled=True).classes)


def test_no_folder_and_no_picture_are_refused(tmp_path):
    with pytest.raises(FileError, match="no folder"):
        len(PictureFolder(folder=tmp_path / "none"))
    with pytest.raises(FileError, match="no picture"):
        len(PictureFolder(folder=tmp_path))


TABLES = {
    "t.csv": "source,target,text,label\n"
    "in/p0.png,out/p0.jpg,a red thing,3\nin/p1.png,out/p1.jpg,,\n",
    "t.jsonl": '{"source": "in/p0.png", "target": "out/p0.jpg", "prompt": "a red thing", '
    '"label": 3}\n\n'
    '{"source": "in/p1.png", "target": "out/p1.jpg", "text": ""}\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_lists_samples(folder, name):
    (folder / name).write_text(TABLES[name])
    table = PictureTable(file=folder / name)
    assert len(table) == 2
    assert table[0].text == "a red thing"
    assert table[0].meta["label"] == 3
    assert "label" not in table[1].meta
    np.testing.assert_array_equal(table[0].image, table[0].hint)
    assert table[0].target.shape == (9, 11, 3)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{broken", "line 1 is not JSON"),
        ("[1, 2]", "line 1 is not an object"),
        ('{"text": "only words"}', "row 1 names no picture"),
        ('{"image": "../../etc/passwd"}', "leads out of"),
        ('{"image": "in/p0.png", "label": "three"}', "no whole number"),
        ('{"image": "in/p0.png", "label": 1.5}', "label 1.5 is no whole number"),
        ('{"image": "in/p0.png", "label": true}', "label True is no whole number"),
        ('{"image": "in/p0.png", "label": Infinity}', "label inf is no whole number"),
        ('{"image": "", "mask": "in/p0.png"}', "row 1 names no picture, only mask"),
        ('{"image": "in/p0\\u0000.png"}', "is no path"),
        ("", "no rows"),
    ],
)
def test_damaged_tables_are_refused(folder, line, said):
    (folder / "t.jsonl").write_text(line)
    with pytest.raises(FileError, match=said):
        PictureTable(file=folder / "t.jsonl")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,text\n,a red thing\n", "row 1 names no picture, only text"),
        ("image,text\nin/p0.png," + 200_000 * "x" + "\n", "the table is damaged"),
        ("image,text\n", "no rows"),
    ],
)
def test_damaged_csv_tables_are_refused(folder, text, said):
    (folder / "t.csv").write_text(text)
    with pytest.raises(FileError, match=said):
        PictureTable(file=folder / "t.csv")[0]


def test_tables_of_spreadsheets_are_read_whole(folder):
    # a mark before the first column, numbers with a point, a line break within a cell
    text = '\ufeffimage,text,label\r\nin/p0.png,"two\r\nlines",2.0\r\n'
    (folder / "t.csv").write_bytes(text.encode())
    sample = PictureTable(file=folder / "t.csv")[0]
    assert sample.meta["label"] == 2
    assert sample.text.split() == ["two", "lines"]


def test_paths_of_a_table_start_from_the_root_that_was_given(folder):
    (folder / "tables").mkdir()
    (folder / "tables" / "t.jsonl").write_text('{"image": "../in/p0.png"}\n')
    with pytest.raises(FileError, match="leads out of"):
        PictureTable(file=folder / "tables" / "t.jsonl")[0]
    (folder / "tables" / "u.jsonl").write_text('{"image": "in/p0.png"}\n')
    table = PictureTable(file=folder / "tables" / "u.jsonl", root=folder)
    assert table[0].image.shape == (9, 11, 3)


def test_only_line_ends_end_the_rows_of_a_table(folder):
    rows = [{"image": "in/p0.png", "text": f"a\u2028b\x85{k}"} for k in range(3)]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "t.jsonl").write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    table = PictureTable(file=folder / "t.jsonl")
    assert [sample.text for sample in table] == [row["text"] for row in rows]


def test_a_table_may_be_larger_than_a_recipe(folder):
    row = json.dumps({"image": "in/p0.png", "text": 1000 * "x"}) + "\n"
    (folder / "t.jsonl").write_text(17_000 * row)
    assert (folder / "t.jsonl").stat().st_size > 16 * 2**20
    assert len(PictureTable(file=folder / "t.jsonl")) == 17_000


def test_the_good_picture_is_the_target_of_the_damaged_one():
    pairs = DegradedPictures(source=numbered(3), degrade=Grain(amount=100))
    sample = pairs[1]
    assert (sample.target == 2).all()
    gap = sample.image.astype(int) - 2
    assert gap.min() >= 0
    assert 0 < gap.max() < 100
    np.testing.assert_array_equal(sample.image, pairs[1].image)


def test_an_operator_that_writes_the_target_has_the_last_word():
    class Both(Grain):
        writes = ("image", "target")

        def apply(self, sample, rng):
            return sample.but(image=sample.image + 1, target=sample.image + 2)

    assert (DegradedPictures(source=numbered(1), degrade=Both())[0].target == 2).all()


def test_views_of_a_scene_come_with_the_exact_truth():
    views = SceneViews.example()
    one, again = views[0], views[0]
    np.testing.assert_array_equal(one.image, again.image)
    assert not np.array_equal(one.image, views[1].image)
    assert np.isfinite(one.depth[one.mask > 0]).all()
    assert len(np.unique(one.mask)) > 1
    rest = SceneViews(scene=views.scene, zoom_range=(1.0, 1.0), turn_degrees=0.0)
    dice = np.random.default_rng(0)
    np.testing.assert_allclose(rest._view(dice), np.eye(3), atol=1e-12)
    still = views.scene.render(subject_at=float(dice.random()))
    np.testing.assert_array_equal(rest[0].mask, still.ids)
