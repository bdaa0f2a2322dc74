"""The recipes for researchers run as they stand."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "recipes.md"


def test_every_recipe_runs_and_the_study_has_its_arms(tmp_path, monkeypatch):
    from fercourse import studies
    monkeypatch.setattr(studies, "REGISTRY", dict(studies.REGISTRY))
    found = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), found)
    assert len(found["curve"]) == 2 and found["rows"].shape == (48, 5) and 0 <= found["accuracy"] <= 1
    assert found["views"].grad.isfinite().all() and found["mine"].classes == ("closed", "open")
    done = studies.run("smoothing", scale="smoke", seeds=1, out=tmp_path)
    assert {run["arm"] for run in done.runs} == {"plain", "smoothed"}
