"""`fercourse render` and `fercourse study` from the command line."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("embreex")


def run(*words):
    return subprocess.run([sys.executable, "-m", "fercourse", *map(str, words)], capture_output=True, text=True)


def test_render_writes_file_manifest_and_preview(tmp_path):
    out, sheet = tmp_path / "faces.parquet", tmp_path / "sheet.png"
    done = run("render", "--out", out, "--people", 3, "--per-person", 2, "--size", 24, "--preview", sheet)
    assert done.returncode == 0, done.stderr
    assert "6 faces of 3 people" in done.stdout and sheet.stat().st_size > 1000
    assert json.loads(out.with_suffix(".json").read_text())["faces"] == 6


def test_bad_input_is_one_sentence_and_status_2(tmp_path):
    for words, said in ((("render", "--out", tmp_path / "x.parquet", "--people", 0), "people is 0; expected 3 to"),
                        (("study", "heads"), "study 'heads' is unknown; expected one of")):
        done = run(*words)
        assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
