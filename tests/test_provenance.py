"""What made a number is told: the commit of the library, if it is one."""

import subprocess
from types import SimpleNamespace

import pytest
import torch

from fercourse import provenance


@pytest.mark.parametrize("changed, told", [("", "abc"), (" M losses/margin.py\n", "abc+")])
def test_a_library_that_was_changed_is_told(monkeypatch, changed, told):
    said = {"ls-files": "__init__.py\n", "rev-parse": "abc\n", "status": changed}
    monkeypatch.setattr(provenance.subprocess, "run", lambda words, **_: SimpleNamespace(stdout=said[words[1]]))
    assert provenance.commit() == told


def test_a_library_installed_below_another_repository_has_no_commit(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q",
                    "--allow-empty", "-m", "theirs"], check=True)
    place = tmp_path / "site" / "fercourse" / "provenance.py"
    place.parent.mkdir(parents=True)
    monkeypatch.setattr(provenance, "__file__", str(place))
    assert provenance.commit() is None


def test_the_threads_that_work_are_told_beside_the_cores(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert provenance.hardware("cpu")["threads"] == 7 and provenance.hardware("cpu")["cores"] >= 1
