"""The recipes for researchers run as they stand."""

import json
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from tests.line import QUICK, call, toy_pack

PAGE = Path(__file__).parents[1] / "docs" / "recipes.md"


@pytest.mark.filterwarnings("ignore:named. 1 samples were left out")
def test_every_recipe_runs(tmp_path, monkeypatch):
    from fercourse import studies
    from fercourse.faces import catalogue
    monkeypatch.setattr(studies, "REGISTRY", dict(studies.REGISTRY))
    monkeypatch.setattr(catalogue, "_SETS", dict(catalogue._SETS))
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)                                           # with the runs of one recipe
    for seed in (0, 1):
        assert call("train", "baseline", "--data", toy_pack(tmp_path / "a.safetensors"), *QUICK, "--seed", seed,
                    "--out", f"runs/{seed}") == 0
    found = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), found)
    assert len(found["curve"]) == 2 and found["rows"].shape == (48, 5) and 0 <= found["accuracy"] <= 1
    assert found["views"].grad.isfinite().all() and found["mine"].classes == ("closed", "open")
    assert len(found["named"]) == 4 and set(found["named"].words("identity")) == {"kim", "lee"}
    assert "unknown name: expected PERSON_EMOTION_NUMBER" in found["named"].notes[-1]
    assert re.fullmatch(r"\d+\.\d ± \d+\.\d \(2\)", found["table"].loc["baseline", "drawn:train", "lesson"]["told"])
    assert found["balanced"].labels.bincount().min() > 0 and len(found["balanced"]) == len(found["train"])


def test_the_lines_on_a_folder_of_ones_own_run_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for row in range(16):
        (folder := Path("my/faces") / ("closed", "open")[row % 2]).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (9 * row, 99, 99)).save(folder / f"{row}.png")
    [block] = re.findall(r"## Your own faces.*?```bash\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for line in block.splitlines():
        program, command, *words = shlex.split(line, comments=True)
        assert program == "fercourse"
        assert call(command, *words, *(QUICK if command == "train" else ())) == 0, line


def test_the_study_runs_as_it_stands_in_a_file_of_its_own(tmp_path, monkeypatch):
    from fercourse import studies
    monkeypatch.setattr(studies, "REGISTRY", dict(studies.REGISTRY))
    [block] = re.findall(r"## A study of your own.*?```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    file, out = tmp_path / "own.py", tmp_path / "results"
    file.write_text(block, "utf-8")
    assert call("--use", file, "study", "smoothing", "--scale", "smoke", "--seeds", 1, "--out", out) == 0
    [path] = out.iterdir()
    assert {run["arm"] for run in json.loads(path.read_text())["runs"]} == {"plain", "smoothed"}
