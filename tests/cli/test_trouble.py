"""Checkpoints of other runs, places that cannot be written and full disks: one sentence, status 2, nothing lost."""

import errno
import json
import os
import shutil

import pytest
import torch

from fercourse import files
from fercourse.checkpoint import read_checkpoint
from fercourse.errors import InputError
from fercourse.networks import trained
from tests.full import room
from tests.line import QUICK, call, toy_pack


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A folder with a pack and a finished run of it."""
    folder = tmp_path_factory.mktemp("course")
    pack = toy_pack(folder / "drawn.safetensors")
    assert call("train", "baseline", "--data", pack, "--out", folder / "run", *QUICK) == 0
    return folder


@pytest.fixture
def at(course, tmp_path, monkeypatch):
    """Work in a copy of that folder."""
    shutil.copytree(course, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*arguments, method="baseline", pack="drawn.safetensors", out="run"):
    return call("train", method, "--data", pack, "--out", out, *QUICK, *arguments)


def said(capsys):
    """Return what the command line said last, which must be one sentence of its own."""
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    last = printed.err.strip().splitlines()[-1]
    assert last.startswith("fercourse: ")
    return last.removeprefix("fercourse: ")


# ---------------------------------------------------------------------- checkpoints of other runs


@pytest.mark.parametrize("other, sentence", [
    ({"method": "wscfer"}, "run/checkpoint.pt: was made with method baseline, but wscfer was asked for"),
    ({"train": 60}, "was made with data drawn:train (48 faces, "),
    ({"seed": 3}, "was made with data drawn:train (48 faces, "),
    ({"classes": ("neutral", "happiness", "sadness", "fear")}, "was made with classes ['neutral', 'happiness', "),
    ({"size": 24}, "was made with size 16, but 24 was asked for"),
])
def test_a_run_of_something_else_does_not_go_on(at, capsys, other, sentence):
    before = (at / "run" / "checkpoint.pt").read_bytes()
    method = other.pop("method", "baseline")
    pack = toy_pack(at / "other.safetensors", **other) if other else "drawn.safetensors"
    assert train("--resume", method=method, pack=pack) == 2
    told = said(capsys)
    assert sentence in told and told.endswith("resume with the same settings, or choose another --out")
    assert (at / "run" / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize("change, sentence", [
    ({"format": 2}, "in format 2, but 0.1.0 reads up to 1; update fercourse"),
    ({"format": 2, "versions": None}, "made by another fercourse in format 2"),
    ({"format": "1"}, "no checkpoint; expected one by fercourse train --out"),
    ({"config": None, "step": None}, "lacks its config and step; delete it; checkpoint.previous.pt beside it holds"),
    ({"optimiser 0": None}, "does not fit the method as it is now ('optimiser 0'); it was made by fercourse 0.1.0"),
])
def test_a_checkpoint_of_another_version_is_told(at, capsys, change, sentence):
    state = read_checkpoint(at / "run" / "checkpoint.pt") | change
    torch.save({k: v for k, v in state.items() if v is not None}, at / "run" / "checkpoint.pt")
    assert train("--resume") == 2
    assert sentence in said(capsys)


@pytest.mark.parametrize("change", [{"classes": 5}, {"size": "big"}, {"size": -3}, {"hyper": [1]}, {"method": ["a"]}])
@pytest.mark.parametrize("command", ["evaluate", "embed", "predict"])
def test_a_configuration_that_makes_no_sense_is_no_run(at, capsys, change, command):
    config = at / "run" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    more = {"evaluate": ["--data", "drawn.safetensors"], "predict": ["photo.jpg"],
            "embed": ["--data", "drawn.safetensors", "--out", "a.png"]}
    assert call(command, "run", *more[command]) == 2
    assert said(capsys).startswith("run: not a run; expected a folder with config.json and model.safetensors")


@pytest.mark.parametrize("change, sentence", [
    ({"clip": None}, "baseline: clip=None is no float; its default is 5.0"), ({"grey": None}, "grey=None is no bool"),
    ({"clip": [5]}, "clip=[5] is no float"), ({"ema": 2}, "hyper-parameter ema is 2; expected 0 to 0.99999"),
    ({"nosuch": 1}, "baseline has no hyper-parameter nosuch"),
])
def test_a_hyper_parameter_that_makes_no_sense_is_named(at, capsys, change, sentence):
    config = json.loads((at / "run" / "config.json").read_text())
    (at / "run" / "config.json").write_text(json.dumps(config | {"hyper": config["hyper"] | change}))
    assert call("evaluate", "run", "--data", "drawn.safetensors") == 2
    assert sentence in said(capsys)


# ---------------------------------------------------------------------- places


@pytest.mark.parametrize("out", ["file", "file/run", "file/deep/run"])
def test_a_file_is_no_place_for_a_run(at, capsys, out):
    (at / "file").write_text("mine")
    for resume in ([], ["--resume"]):
        assert train(*resume, out=out) == 2
        assert said(capsys).startswith(f"{out} cannot be written (a file is where a folder is needed)")
    assert (at / "file").read_text() == "mine"


@pytest.mark.parametrize("out", ["file/a.png", "file/a.html", "folder.png", "folder.html"])
def test_a_picture_needs_a_place(at, capsys, out):
    (at / "file").write_text("mine")
    (at / "folder.png").mkdir()
    (at / "folder.html").mkdir()
    assert call("embed", "run", "--data", "drawn.safetensors", "--projection", "pca", "--out", out) == 2
    assert said(capsys).startswith(f"{out} cannot be written (")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_may_not_be_written_is_told(at, capsys, monkeypatch, number):
    def refuse(path, *args, **kwargs):
        raise OSError(number, os.strerror(number), str(path))
    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    assert train(out="new") == 2
    assert said(capsys) == (f"new cannot be written ({os.strerror(number)}); what was there is kept; "
                            "choose a place that you may write to")


def test_a_checkpoint_that_may_not_be_read_is_not_called_damaged(at, capsys, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))
    monkeypatch.setattr("fercourse.checkpoint.zipfile.ZipFile", refuse)
    assert train("--resume") == 2
    assert said(capsys) == "run/checkpoint.pt: you may not read it; ask for leave, or choose another --out"


# ---------------------------------------------------------------------- full disks


@pytest.mark.parametrize("lacking", ["checkpoint.pt", "config.json"])
def test_a_disk_that_fills_up_stops_a_training(at, capsys, lacking):
    size = (at / "run" / lacking).stat().st_size
    with room(size - 1):
        assert train(out="new") == 2
    assert said(capsys) == f"new/{lacking} cannot be written (File too large); what was there is kept; free some space"
    assert not list((at / "new").glob("*.part")) and not (at / "new" / lacking).exists()


def test_a_disk_that_fills_up_later_keeps_the_checkpoint_before(at, capsys, monkeypatch):
    """The second save fails; what the first one wrote goes on to the very end that the undisturbed run had."""
    saves, sync = [], files._sync

    def full(path):
        saves.extend([path] * path.name.startswith("checkpoint.pt"))
        if len(saves) == 2 and path == saves[-1]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(path)
    monkeypatch.setattr(files, "_sync", full)
    assert train(out="new") == 2
    assert said(capsys).startswith("new/checkpoint.pt cannot be written (No space left on device)")
    monkeypatch.setattr(files, "_sync", sync)
    assert read_checkpoint(at / "new" / "checkpoint.pt")["step"] == 3 and not list((at / "new").glob("*.part"))
    assert train("--resume", out="new") == 0
    assert (at / "new" / "model.safetensors").read_bytes() == (at / "run" / "model.safetensors").read_bytes()


def test_a_log_that_cannot_be_written_is_told(at, capsys):
    (at / "new" / "log.jsonl").mkdir(parents=True)
    assert train(out="new") == 2
    assert said(capsys).startswith("new/log.jsonl cannot be written (Is a directory)")


@pytest.mark.parametrize("out", ["a.png", "a.html", "a.svg"])
def test_a_picture_is_there_in_full_or_not_at_all(at, capsys, out):
    with room(8000):
        assert call("embed", "run", "--data", "drawn.safetensors", "--projection", "pca", "--out", out) == 2
    assert said(capsys).startswith(f"{out} cannot be written (File too large)")
    assert not list(at.glob("a.*"))


def test_metrics_that_do_not_fit_are_told(at, capsys):
    (at / "run" / "metrics.json").unlink()
    (at / "run" / "metrics.json").mkdir()
    assert train("--resume") == 2
    assert said(capsys).startswith("run/metrics.json cannot be written (Is a directory)")


# ---------------------------------------------------------------------- networks that come with the course


@pytest.mark.parametrize("manifest", ["{", "{}", "[]"])
def test_a_damaged_manifest_is_told(tmp_path, monkeypatch, manifest):
    monkeypatch.setattr("fercourse.models.shipped.FOLDER", tmp_path)
    (tmp_path / "lesson-baseline.json").write_text(manifest)
    (tmp_path / "lesson-baseline.safetensors").touch()
    with pytest.raises(InputError, match=r"lesson-baseline\.json is damaged \(.*\); install fercourse again"):
        trained("baseline")


def test_a_network_that_is_missing_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("fercourse.models.shipped.FOLDER", tmp_path)
    with pytest.raises(InputError, match=r"lesson-baseline\.safetensors .* is missing; install fercourse again$"):
        trained("baseline")
