"""What the doctor sees, and that every complaint comes with its cure."""

import json
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from fercourse.course import doctor
from fercourse.course.doctor import MIND, RIGHT, WRONG


def test_this_set_up_runs_the_lessons():
    found = doctor.examine()
    assert [one.what for one in found] == ["course", "python", "packages", "torch", "device", "memory", "disk", "cache",
                                           "data", "weights", "kernel", "grading"]
    assert not [one for one in found if one.state == WRONG]
    assert "the lessons can run" in doctor.report(found)


def absent(name):
    raise PackageNotFoundError(name)


@pytest.mark.parametrize(("found", "state", "words"), [
    (lambda: doctor.python((3, 9, 1)), WRONG, "3.9.1"),
    (lambda: doctor.python((3, 14, 0)), WRONG, "3.14.0"),
    (lambda: doctor.packages(["timm>=1"], absent), WRONG, "timm is missing"),
    (lambda: doctor.packages(["torch>=2.6"], lambda name: "2.5.1+cu124"), WRONG, "torch is 2.5.1+cu124, not >=2.6"),
    (lambda: doctor.packages(["kornia>=9; extra == 'bench'"], absent), RIGHT, "all that are required"),
    (lambda: doctor.memory(4 * 2**30), MIND, "4.0 GiB"),
    (lambda: doctor.memory(12 * 2**30), RIGHT, "12.0 GiB"),
    (lambda: doctor.disk(free=2**29), MIND, "0.5 GiB free"),
    (lambda: doctor.grading(absent), RIGHT, '".[instructor]"'),
    (lambda: doctor.grading(lambda name: "0.9", shut_in=False), MIND, "cannot be shut in"),
    (lambda: doctor.grading(lambda name: "0.9", shut_in=True), RIGHT, "can be shut in"),
])
def test_each_look(found, state, words):
    one = found()
    assert one.state == state and words in one.found and (bool(one.fix) == (state != RIGHT))


@pytest.mark.parametrize(("umap", "sklearn", "state"), [
    ("0.5.7", "1.8.0", WRONG), ("0.5.6", "1.10.1", WRONG), ("0.5.7", "1.7.2", RIGHT), ("0.5.12", "1.9.1", RIGHT)])
def test_an_umap_of_an_older_scikit_learn_is_seen(umap, sklearn, state):
    one = doctor.packages(["umap-learn>=0.5.6", "scikit-learn>=1.3"], {"umap-learn": umap, "scikit-learn": sklearn,
                                                                       "google-colab": ""}.get)
    assert one.state == state and one.fix == ("pip install -U umap-learn" if state == WRONG else "")


def test_what_colab_has_no_use_for_is_not_missed():
    there = {"google-colab": "1.0", "timm": "1.0.9"}

    def installed(name):
        return there.get(name) or absent(name)
    assert doctor.packages(["timm>=1", "jupyterlab>=4"], installed).state == RIGHT
    del there["google-colab"]
    assert "jupyterlab is missing" in doctor.packages(["timm>=1", "jupyterlab>=4"], installed).found


def test_a_folder_that_cannot_be_written_to(monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert doctor.disk().state == WRONG


def test_a_cache_that_cannot_be_written_or_has_no_room_is_seen(monkeypatch, tmp_path):
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "new" / "faces"))
    one = doctor.cache(free=3 * 2**30)
    assert one == doctor.Finding("cache", RIGHT, f"{tmp_path / 'new' / 'faces'}, 3.0 GiB free")
    assert doctor.cache().found.startswith(f"{tmp_path / 'new' / 'faces'}, ") and not [*tmp_path.glob("new/faces/*")]
    one = doctor.cache(free=2**29)
    assert one.state == MIND and "0.5 GiB free" in one.found and one.fix.startswith("make room there, or set FERC")
    (tmp_path / "file").touch()
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "file" / "faces"))
    one = doctor.cache()
    assert one.state == MIND and "cannot be written to (" in one.found and "FERCOURSE_CACHE" in one.fix


def test_a_cache_on_a_full_disk_is_seen(monkeypatch, tmp_path):
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path))
    def full(dir):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", full)
    one = doctor.cache()
    assert one.state == MIND and "No space left on device" in one.found


def test_a_gpu_that_torch_does_not_see(monkeypatch):
    monkeypatch.setattr("fercourse.device.pick_device", lambda: __import__("torch").device("cpu"))
    one = doctor.device(which=lambda name: name)
    assert one.state == MIND and "does not see it" in one.found and "CUDA" in one.fix


def test_a_gpu_is_named_and_on_colab_one_is_proposed(monkeypatch):
    import torch
    monkeypatch.setattr("fercourse.device.pick_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "T4")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=16 * 2**30))
    assert doctor.device(which=lambda _: None) == doctor.Finding("device", RIGHT, "T4, 16 GiB")
    monkeypatch.setattr("fercourse.device.pick_device", lambda: torch.device("cpu"))
    monkeypatch.setitem(doctor.sys.modules, "google.colab", object())
    one = doctor.device(which=lambda _: None)
    assert one.state == MIND and "Change runtime type" in one.fix


def test_a_torchvision_of_another_torch_is_seen(monkeypatch):
    import torchvision

    def nms(*_):
        raise RuntimeError("operator torchvision::nms does not exist")
    monkeypatch.setattr(torchvision.ops, "nms", nms)
    one = doctor.torch()
    assert one.state == WRONG and "no pair" in one.found and "torchvision" in one.fix


@pytest.mark.parametrize(("argv", "state"), [(None, WRONG), (["/elsewhere/bin/python"], MIND), (["python"], RIGHT),
                                             ([doctor.sys.executable], RIGHT)])
def test_notebooks_that_would_run_elsewhere_are_seen(argv, state, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def found(self, name):
        if argv is None:
            raise NoSuchKernel(name)
        return SimpleNamespace(argv=argv)
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", found)
    one = doctor.kernel()
    assert one.state == state and bool(one.fix) == (state != RIGHT)


def test_spoilt_weights_are_seen(tmp_path):
    (tmp_path / "net.json").write_text(json.dumps({"sha256": "0" * 64}))
    assert doctor.weights(tmp_path).state == WRONG
    (tmp_path / "net.safetensors").write_bytes(b"x")
    assert doctor.weights(tmp_path).found == "net.safetensors missing or spoilt"


def test_spoilt_faces_are_seen(monkeypatch, tmp_path):
    monkeypatch.setattr("fercourse.faces.synthfaces.pack_path", lambda: tmp_path / "none.parquet")
    assert doctor.data().state == WRONG


def test_a_look_that_fails_is_a_finding(monkeypatch):
    def torch():
        raise OSError("libtorch_cpu.so: cannot open")
    monkeypatch.setattr(doctor, "torch", torch)
    found = next(one for one in doctor.examine() if one.what == "torch")
    assert found.state == WRONG and "libtorch" in found.found and found.fix
