"""What runs on a GPU, on a device that is only pretended: no mixed devices, and no step that waits."""

from collections import Counter

import pytest
import torch

from fercourse import augment, batches, plots
from fercourse.checkpoint import load_run
from fercourse.cli.train import METHODS
from fercourse.embed import pca, project, saliency
from fercourse.evaluate import (
    accuracy,
    affect_scores,
    class_scores,
    evaluate,
    features_report,
    leace,
    mlp_probe,
    nearest,
    seen,
)
from fercourse.models import engines, landmarks

from .pretend import OnDevice, pretended
from .toy import Stop, fitted, stopping, toy_faces

T4 = (7, 5)                                                  # its half precision is fp16


def _ending_at_once(method):
    method.finish = lambda look: None                        # outside of all steps, and may wait


@pytest.mark.parametrize("name", METHODS)
def test_no_step_waits_for_the_device(name, monkeypatch):
    with pretended(monkeypatch, capability=T4) as device:
        fitted(name, _ending_at_once)                        # this one also sends what is sent once
        few, device.waits = device.waits, Counter()
        fitted(name, _ending_at_once, batch_size=8)
    assert device.waits <= few


def test_a_step_that_reads_a_number_is_seen_to_wait(monkeypatch):
    def reading(method):
        method.after_step = lambda: method.head.bias.sum().item()

    with pretended(monkeypatch) as device:
        fitted(change=reading, batch_size=8)
    assert any("local_scalar_dense" in what and count == 8 for what, count in device.waits.items())


def test_tensors_of_two_devices_are_refused(monkeypatch):
    with pretended(monkeypatch):
        with pytest.raises(RuntimeError, match="one device"):
            torch.ones(3, device="cuda") + torch.ones(3)
        with pytest.raises(TypeError, match="cpu"):
            torch.ones(3, device="cuda").numpy()


@pytest.mark.parametrize("kind", ["cuda", "mps"])
@pytest.mark.parametrize("name", METHODS)
def test_a_run_is_trained_stopped_resumed_loaded_and_measured_there(name, kind, monkeypatch, tmp_path):
    def stop(epoch, method):
        if epoch == 0:
            raise KeyboardInterrupt

    with pretended(monkeypatch, kind):
        whole = fitted(name, out=tmp_path / "whole")
        with pytest.raises(KeyboardInterrupt):
            fitted(name, out=tmp_path / "stopped", watch=stop)
        resumed = fitted(name, out=tmp_path / "stopped", resume=True)
        assert all(torch.equal(one, other) for one, other in zip(whole.state_dict().values(),
                                                                 resumed.state_dict().values()))
        loaded = load_run(tmp_path / "stopped", kind)
        assert all(isinstance(value, OnDevice) for value in loaded.parameters())
        evaluate(loaded, toy_faces(32, seed=2))
        features_report(loaded, toy_faces(32), toy_faces(32, seed=2))


def test_a_run_stopped_between_two_readings_of_its_log_goes_on_there(monkeypatch, tmp_path):
    often = {"batch_size": 8, "save_every": 1}
    with pretended(monkeypatch):
        whole = fitted(out=tmp_path / "whole", **often)
        with pytest.raises(Stop):
            fitted(change=lambda method: stopping(method, 3), out=tmp_path / "stopped", **often)
        resumed = fitted(out=tmp_path / "stopped", resume=True, **often)
    assert all(torch.equal(one.held, other.held) for one, other in zip(whole.parameters(), resumed.parameters()))
    assert (tmp_path / "stopped" / "log.jsonl").read_text().count("\n") == (
        tmp_path / "whole" / "log.jsonl").read_text().count("\n")


@pytest.mark.parametrize("name", ["baseline", "id-invariant"])
def test_a_run_begun_without_a_gpu_goes_on_there(name, monkeypatch, tmp_path):
    def stop(epoch, method):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(name, out=tmp_path, watch=stop)
    with pretended(monkeypatch, capability=T4):
        fitted(name, out=tmp_path, resume=True)


def test_images_too_large_for_the_device_stay_where_they_are(monkeypatch):
    monkeypatch.setattr(batches, "_ROOM", 0.0)
    with pretended(monkeypatch) as device:
        method = fitted(batch_size=32)                       # large enough a batch to be copied while the host waits
    assert isinstance(next(method.parameters()), OnDevice)
    assert not any("batches" in what for what in device.waits)


class Far:
    """Images on another GPU than that of the training."""

    device, nbytes = torch.device("cuda", 1), 8

    def __getitem__(self, rows):
        return self

    def to(self, device, **_):
        return f"sent to {device}"


def test_images_of_another_gpu_are_sent_and_not_pinned(monkeypatch):
    with pretended(monkeypatch):
        cuda = torch.device("cuda")
        stream = batches.Stream(toy_faces(8), ("none",), (), 4, 0, cuda)
        assert batches.resident(Far(), cuda) == "sent to cuda"
        assert batches.resident(stream.images, cuda) is stream.images
        stream.images, rows = Far(), torch.arange(4)
        assert stream.take(rows, rows.to(cuda)) == "sent to cuda"


def test_every_augmentation_can_be_made_on_apples_gpu(monkeypatch):
    images = toy_faces(16).images
    with pretended(monkeypatch, "mps"):
        there = augment.views(images.to("mps"), ("strong",)).cpu()
    assert torch.equal(there, augment.views(images, ("strong",)))


def test_new_labels_can_be_noted_on_apples_gpu(monkeypatch):
    with pretended(monkeypatch, "mps"):
        method = fitted("dr-fer")
        given, none = method.memory["given"].clone(), torch.zeros(2, 0, dtype=torch.int64, device="mps")
        rows = torch.tensor([3, 7], device="mps")
        method._note(3, rows, (given[rows] + 1) % 4, none)
        assert (method.memory["new"] != given).nonzero().flatten().tolist() == [3, 7]
        assert torch.equal(method.memory["given"], given)


@pytest.mark.parametrize("kind, last", [("cuda", True), ("mps", False)])
def test_the_courses_own_networks_see_pixels_as_the_device_takes_them(kind, last, monkeypatch):
    def network(pixels):
        seen.append(pixels.is_contiguous(memory_format=torch.channels_last))
        return torch.zeros(2, 68, 16, 16), torch.zeros(2, 68)

    seen, images = [], toy_faces(2).images
    with pretended(monkeypatch, kind):
        landmarks._see(network, images, torch.device(kind))
        monkeypatch.setattr(engines.ImageText, "see", lambda self, pixels: network(pixels))
        engines.ImageText(("face",)).to(kind).images(images)
    assert seen[0] == seen[-1] == last


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_pictures_are_made_of_what_lies_there(kind, monkeypatch):
    with pretended(monkeypatch, kind):
        method, faces = fitted(), toy_faces(32, seed=2)
        features = seen(method, faces)["embedding"]
        nearest(features, features, 3)
        mlp_probe(features, faces.labels.to(features.device))
        assert leace(features, faces.labels)(features).device == features.device
        assert project(features, "pca").shape == (32, 2) and pca(features).device == features.device
        assert accuracy(features.argmax(1), faces.labels) == accuracy(features.argmax(1).cpu(), faces.labels)
        assert class_scores(features[:, :4].argmax(1), faces.labels, faces.classes)["faces"] == 32
        assert affect_scores(features[:, :2], faces.valence_arousal)["faces"] == 32
        plots.doubt_histograms(features.sigmoid()[:, 0], faces.labels.to(features.device), faces.classes)
        plots.embedding(pca(features), faces, {"told": features.argmax(1)})
        plots.class_curves([features[0, :4].softmax(0)], faces.classes)
        assert len(saliency(method, faces.images[:4])) == 4
