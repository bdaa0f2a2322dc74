"""One call, and data and trainings are on the drive: another runtime finds them, and goes on."""

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from fercourse.course import drive
from fercourse.errors import InputError
from fercourse.faces.setinfo import data_folder
from fercourse.train import fit

from ..toy import toy_faces, toy_method

QUICK = {"batch_size": 16, "seed": 1, "save_every": 2, "quiet": True, "device": "cpu"}


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    """Work in a fresh folder, as a fresh runtime does; the environment is put back."""
    monkeypatch.setenv("FERCOURSE_DATA", "unset")

    def fresh(name):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
    fresh("first")
    return fresh


def disconnect(epoch, method):
    raise ConnectionAbortedError


def test_a_training_goes_on_in_another_runtime(runtime, tmp_path):
    faces, seen = toy_faces(64), []
    drive.use(tmp_path / "drive")
    assert data_folder() == tmp_path / "drive" / "data"
    with pytest.raises(ConnectionAbortedError):
        fit(toy_method(faces), faces, epochs=3, out="runs/mine", watch=disconnect, **QUICK)
    runtime("second")
    drive.use(tmp_path / "drive")
    resumed, whole = toy_method(faces), toy_method(faces)
    fit(resumed, faces, epochs=3, out="runs/mine", resume=True, watch=lambda epoch, _: seen.append(epoch), **QUICK)
    assert seen == [0, 1, 2]
    fit(whole, faces, epochs=3, **QUICK)
    for ours, theirs in zip(resumed.state_dict().values(), whole.state_dict().values()):
        assert torch.equal(ours, theirs)


def test_it_may_be_called_again(tmp_path, capsys):
    assert drive.use(tmp_path / "drive") == drive.use(tmp_path / "drive") == tmp_path / "drive"
    assert drive.use(tmp_path / "other") and Path("runs").resolve() == tmp_path / "other" / "runs"
    assert "resume=True" in capsys.readouterr().out and os.environ["FERCOURSE_DATA"] == str(tmp_path / "other" / "data")


def test_colab_mounts_the_students_own_drive(tmp_path, monkeypatch):
    mounted = []
    package, inner = ModuleType("google"), ModuleType("google.colab")
    package.colab, inner.drive = inner, ModuleType("google.colab.drive")
    inner.drive.mount = mounted.append
    for one in (package, inner, inner.drive):
        monkeypatch.setitem(sys.modules, one.__name__, one)
    monkeypatch.setattr(drive, "PLACE", tmp_path / "drive")
    assert drive.use() == tmp_path / "drive" and mounted == [str(drive.MOUNT)]


def test_trainings_that_are_there_are_not_hidden(tmp_path):
    Path("runs/old").mkdir(parents=True)
    with pytest.raises(InputError, match="holds trainings already; move them to"):
        drive.use(tmp_path / "drive")
    assert Path("runs/old").is_dir() and os.environ["FERCOURSE_DATA"] == "unset"


def test_windows_without_links_is_told_with_a_way_around(tmp_path, monkeypatch):
    def refuse(*_, **__):
        error = OSError("A required privilege is not held by the client")
        error.winerror = 1314
        raise error
    monkeypatch.setattr("pathlib.Path.symlink_to", refuse)
    with pytest.raises(InputError, match=r"only in developer mode; switch it on .* fit\(out=…\) .* FERCOURSE_DATA to"):
        drive.use(tmp_path / "drive")
    assert os.environ["FERCOURSE_DATA"] == "unset"


def test_places_that_are_none_are_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", None)
    with pytest.raises(InputError, match=r"only on Colab; here, name a folder"):
        drive.use()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be used"):
        drive.use(tmp_path / "file")
