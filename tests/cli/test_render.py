"""`fercourse render` and `fercourse study` from the command line."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.full import room
from tests.line import call

pytest.importorskip("embreex")


def run(*words):
    return subprocess.run([sys.executable, "-m", "fercourse", *map(str, words)], capture_output=True, text=True)


def test_render_writes_file_manifest_and_preview(tmp_path):
    out, sheet = tmp_path / "faces.parquet", tmp_path / "sheet.png"
    done = run("render", "--out", out, "--people", 3, "--per-person", 2, "--size", 24, "--preview", sheet)
    assert done.returncode == 0, done.stderr
    assert "6 faces of 3 people" in done.stdout and sheet.stat().st_size > 1000
    assert json.loads(out.with_suffix(".json").read_text())["faces"] == 6
    with Image.open(sheet) as drawn:
        above = np.asarray(drawn.convert("L"))[:drawn.height - 3 * drawn.width // 14]
    assert above[len(above) // 2:].reshape(-1, 14, above.shape[1] // 14).min((0, 2)).max() < 128   # a word a column
    domains = above[:len(above) // 2].reshape(-1, 14, above.shape[1] // 14).min((0, 2)) < 128
    assert domains.nonzero()[0].tolist() == [0, 7]                                   # wild, lab


def test_bad_input_is_one_sentence_and_status_2(tmp_path):
    for words, said in ((("render", "--out", tmp_path / "x.parquet", "--people", 0), "people is 0; expected 3 to"),
                        (("render", "--out", tmp_path / "x.parquet", "--workers", -2), "workers is -2; expected 0 "),
                        (("study", "heads"), "study 'heads' is unknown; expected one of")):
        done = run(*words)
        assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_nothing_but_rendered_faces_is_replaced(tmp_path, capsys):
    few = ("render", "--people", 3, "--per-person", 1, "--size", 16, "--workers", 1, "--out")
    for name in ("q.json", "a.safetensors"):
        assert call(*few, tmp_path / name) == 2
        assert f"{name} is no name for rendered faces; expected one ending in .parquet" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert call(*few, tmp_path / "a.parquet") == 0 and call(*few, tmp_path / "a.parquet") == 0
    (tmp_path / "mine.json").write_text("{}")
    (tmp_path / "table.parquet").write_text("PAR1")
    for name in ("mine.parquet", "table.parquet"):
        assert call(*few, tmp_path / name) == 2
        assert "is there already and is not rendered faces" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"a.parquet", "a.json", "mine.json", "table.parquet"}


def test_a_place_that_cannot_be_written_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder.parquet").mkdir()
    few = ("--people", 3, "--per-person", 1, "--size", 16, "--workers", 1)
    for words, told in ((("file/a.parquet",), "file/a.parquet.parts cannot be written (a file is where a folder is"),
                        (("folder.parquet",), "folder.parquet is a folder; expected the file to write, such as"),
                        (("a.parquet", "--preview", "file/a.png"), "file/a.png cannot be written"),
                        (("a.parquet", "--preview", "a.bmp"), "--preview a.bmp is no contact sheet; expected")):
        assert call("render", *few, "--out", *words) == 2
        assert told in capsys.readouterr().err.strip().splitlines()[-1]
    with room(8000):
        assert call("render", *few, "--out", "b.parquet") == 2
    assert "b.parquet.parts/000000.parquet cannot be written" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.part")) and not (tmp_path / "b.parquet").exists()
