"""Which picture is compared with which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sfumato.errors import FileError
from sfumato.io.formats import ENDINGS

__all__ = ["Pairing", "PicturePair", "pair_pictures"]

RAW_ENDINGS = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".rw2")
READ = frozenset((*ENDINGS, *RAW_ENDINGS))


@dataclass(frozen=True, slots=True)
class PicturePair:
    """Two files that are compared.

    Args:
        name: what they share, the stem of a file in a folder.
        first: the picture that is judged.
        second: the picture that it should be like.
    """

    name: str
    first: Path
    second: Path


@dataclass(frozen=True, slots=True)
class Pairing:
    """What two folders have in common.

    Args:
        pairs: in the order of their names.
        alone: pictures whose name the other folder does not have.
    """

    pairs: tuple[PicturePair, ...]
    alone: tuple[Path, ...] = ()


def pair_pictures(first: str | Path, second: str | Path) -> Pairing:
    """Pair a file with a file, or the pictures of two folders by the stems of their names.

    ``a/dusk.jpg`` belongs to ``b/dusk.png``. Folders are not searched deeper; hidden
    files and those whose ending is none of a picture are passed over.

    Args:
        first: what is judged.
        second: what it should be like.

    Raises:
        FileError: one is missing, a file meets a folder, a stem stands for two files
            of one folder, or the folders share no name.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> for name in ("a/dusk.jpg", "a/noon.jpg", "b/dusk.png", "b/notes.txt"):
        ...     (folder / name).parent.mkdir(exist_ok=True)
        ...     (folder / name).touch()
        >>> found = pair_pictures(folder / "a", folder / "b")
        >>> [pair.name for pair in found.pairs], [path.name for path in found.alone]
        (['dusk'], ['noon.jpg'])
    """
    first, second = Path(first), Path(second)
    for path in (first, second):
        if not path.exists():
            raise FileError(f"{path}: there is no such file or folder", hint="check the name")
    if first.is_dir() != second.is_dir():
        folder, file = (first, second) if first.is_dir() else (second, first)
        raise FileError(
            f"{folder} is a folder and {file} is a file",
            hint="give two files, or two folders whose pictures have the same names",
        )
    if not first.is_dir():
        return Pairing((PicturePair(first.stem, first, second),))
    ours, theirs = _by_stem(first), _by_stem(second)
    shared = sorted(ours.keys() & theirs.keys())
    if not shared:
        raise FileError(
            f"{first} and {second} share no name of a picture "
            f"({len(ours)} pictures there, {len(theirs)} here)",
            hint="pictures belong together by the name before the ending: a/dusk.jpg, b/dusk.png",
        )
    lonely = [(ours | theirs)[stem] for stem in sorted(ours.keys() ^ theirs.keys())]
    return Pairing(
        tuple(PicturePair(stem, ours[stem], theirs[stem]) for stem in shared), tuple(lonely)
    )


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise FileError(f"{folder}: cannot be read: {error.strerror}") from error
    for path in paths:
        if path.name.startswith(".") or path.suffix.lower() not in READ or not path.is_file():
            continue
        if path.stem in found:
            raise FileError(
                f"{found[path.stem]} and {path}: two pictures of one name",
                hint="which of them belongs to the other folder cannot be known: move one away",
            )
        found[path.stem] = path
    return found
