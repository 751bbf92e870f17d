"""`sfumato demo`: the journey on computed pictures."""

from __future__ import annotations

import numpy as np

import sfumato as sf
from sfumato.io.picture import read


def test_the_journey_writes_what_it_names_and_nothing_else(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("demo", "-o", "try", "--size", 400)
    assert result.exit_code == 0, result.output
    named = [line.strip() for line in result.stdout.partition("were written:\n")[2].splitlines()]
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert sorted(named) == found
    assert len(found) == 3 + 5 + 2 + 2 + 2 + 2
    assert "bracket: exposures 4.0 EV apart, from metadata" in result.stdout
    assert "focus: equal exposures" in result.stdout
    assert "moving things replaced" in result.stdout
    dusk = read("try/dusk.png").image
    frames = [read(f"try/frames/dusk-{k}.jpg").image for k in (1, 2, 3)]
    lost = [float(((f > 250) | (f < 5)).all(axis=2).mean()) for f in (dusk, *frames)]
    assert lost[0] < min(lost[1:]) + 0.01
    assert np.ptp(dusk) > 200
    table = sf.color.read_table("try/dusk-graded.cube")
    graded = table(dusk, interpolation="trilinear").astype(int)
    assert np.abs(read("try/dusk-graded.jpg").image - graded).mean() < 3
    sketch, painted = (read(f"try/{name}.png").image for name in ("sketch", "sketch-painted"))
    assert "a pink house under an orange sky" in result.stdout
    sky = np.median(painted[:60], axis=(0, 1)).astype(int)
    assert sky[0] > 200 > sky[1] > sky[2], "the sky is orange"
    assert painted[sketch[..., 0] < 40].mean() < 60, "the lines are still there"
    page = (tmp_path / "try" / "dusk-report" / "index.html").read_text()
    assert "dusk-1.jpg" in page


def test_a_second_run_is_refused_unless_asked_for(refused, frames):
    (frames / "demo").mkdir()
    (frames / "demo" / "dusk.png").write_text("mine")
    assert "exists already" in refused("demo", "--size", 100)
