"""A study of one's own: its runs tell which version of its file they were made with."""

import json

from fercourse import studies
from tests.line import call


def test_runs_of_a_file_that_was_changed_since_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(studies, "REGISTRY", dict(studies.REGISTRY))
    file = tmp_path / "smoothing.py"
    line = ("--use", file, "study", "mine", "--scale", "smoke", "--out", tmp_path / "out", "--seeds")

    def write(value):
        file.write_text("from fercourse.studies import study\n\n@study('mine', 'd')\ndef arms(scale, data, root):\n"
                        f"    return {{'only': lambda seed: {{'accuracy': {value}}}}}\n")
    write(.5)
    assert call(*line, 2) == 0 and call(*line, 2) == 0
    [path] = (tmp_path / "out").iterdir()
    assert "another" not in capsys.readouterr().out
    write(.75)
    assert call(*line, 3) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["2 of 3 runs were there already", f"2 runs were made with another smoothing.py; remove them "
                        f"from {path}, or use another --out, to run them anew"]
    saved = json.loads(path.read_text())["runs"]
    assert [run["metrics"]["accuracy"] for run in saved] == [.5, .5, .75]
    assert saved[0]["source"] == saved[1]["source"] != saved[2]["source"] and "smoothing.py " in saved[2]["source"]
    for run in saved:
        del run["source"]                                                 # by a version that did not write it down
    path.write_text(json.dumps(json.loads(path.read_text()) | {"runs": saved}))
    before = path.read_bytes()
    assert call(*line, 3) == 0 and "another smoothing" not in capsys.readouterr().out and path.read_bytes() == before


def test_the_courses_own_studies_are_told_by_their_commit():
    assert studies.get("faces").source is None and studies._source(print) is None
