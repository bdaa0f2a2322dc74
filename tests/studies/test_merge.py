"""Runs of several folders become one file, and only those that belong together."""

import json
import subprocess
import sys

import pytest

from fercourse.errors import InputError
from fercourse.studies.merge import merge


def _file(path, seeds, arm="only", **changes):
    runs = [{"arm": arm, "seed": seed, "metrics": {"accuracy": seed / 10}, "seconds": 1.0, "commit": "abc"}
            for seed in seeds]
    content = {"study": "toy", "data": "d", "config": {"name": "smoke"}, "hardware": {"cores": 2}, "runs": runs,
               "versions": {"torch": "2.6"}}
    path.write_text(json.dumps(content | changes))
    return path


def test_runs_of_several_folders_become_one_file(counted, tmp_path):
    into, other = _file(tmp_path / "a.json", [0, 1]), _file(tmp_path / "b.json", [1, 2])
    assert merge(into, other) == 1 and merge(into, other) == 0
    found = json.loads(into.read_text())
    assert [run["seed"] for run in found["runs"]] == [0, 1, 2] and found["hardware"] == {"cores": 2}
    assert found["summary"]["only"]["accuracy"] == {"mean": .1, "sd": .1, "n": 3}


def test_joined_runs_of_other_versions_say_so(counted, tmp_path):
    into, other = _file(tmp_path / "a.json", [0]), _file(tmp_path / "b.json", [1], versions={"torch": "2.9"})
    same = _file(tmp_path / "c.json", [2])
    assert merge(into, other, same) == 2
    found = json.loads(into.read_text())
    assert found["versions"] == {"torch": "2.6"}
    assert [run.get("versions") for run in found["runs"]] == [None, {"torch": "2.9"}, None]
    assert not any("hardware" in run for run in found["runs"])


def test_joined_runs_of_a_study_of_ones_own_stand_in_the_order_of_the_file(tmp_path):
    into, other = _file(tmp_path / "a.json", [0], "second"), _file(tmp_path / "b.json", [0], "first")
    done = subprocess.run([sys.executable, "-m", "fercourse.studies.merge", into, other, _file(tmp_path / "c", [1],
                           "second")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "2 runs added\n"), done.stderr
    assert list(json.loads(into.read_text())["summary"]) == ["second", "first"]


def test_joined_runs_stand_in_the_order_of_the_study(counted, tmp_path):
    into, other = _file(tmp_path / "a.json", [0], "of an older version"), _file(tmp_path / "b.json", [0])
    merge(into, other)
    assert list(json.loads(into.read_text())["summary"]) == ["only", "of an older version"]


def test_a_file_that_tells_its_threads_joins_an_older_one(counted, tmp_path):
    into = _file(tmp_path / "a.json", [0])
    assert merge(into, _file(tmp_path / "b.json", [1], hardware={"cores": 2, "threads": 1})) == 1
    found = json.loads(into.read_text())
    assert [run.get("hardware") for run in found["runs"]] == [None, {"cores": 2, "threads": 1}]


@pytest.mark.parametrize("changes", [{"config": {"name": "full"}}, {"hardware": {"cores": 64}}, {"study": "other"}])
def test_runs_that_do_not_belong_together_are_not_mixed(counted, tmp_path, changes):
    into, other = _file(tmp_path / "a.json", [0]), _file(tmp_path / "b.json", [1], **changes)
    before = into.read_text()
    with pytest.raises(InputError, match=f"its {next(iter(changes))} is"):
        merge(into, other)
    with pytest.raises(InputError, match="not a results file"):
        merge(into, tmp_path / "missing.json")
    assert into.read_text() == before
