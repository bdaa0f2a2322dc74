"""Half precision: what a free GPU computes in fp16, and what a loss or a gradient must not lose by it."""

import math

import pytest
import torch
import torch.nn.functional as F

from fercourse import device, evaluate, train
from fercourse.cli.train import METHODS
from fercourse.losses.contrastive import Pairs, instance_contrast
from fercourse.models.norms import batch_norms, recalibrate
from fercourse.models.surface import Surface
from tests.halved import LikeCuda
from tests.toy import toy_faces, toy_method

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_in_fp16_as_a_free_gpu_has_it(name, monkeypatch):
    """The scaler may leave out its first steps until its scale fits, and then hardly any."""
    faces, scaler = toy_faces(64, 32), torch.amp.GradScaler("cpu")
    method = toy_method(faces, name)
    target = toy_faces(64, 32, seed=1) if method.target_views else None
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *_, enabled: scaler)
    with LikeCuda():
        history = train.fit(method, faces, target=target, epochs=6, batch_size=16, quiet=True, device="cpu",
                            precision="fp16")
    assert all(math.isfinite(record["total"]) for record in history.steps)
    assert scaler.get_scale() >= 4096


def test_the_surface_of_a_still_channel_has_a_gradient_in_fp16():
    torch.manual_seed(0)
    surface, images = Surface(8), torch.randn(4, 3, 32, 32)
    surface.see[2].bias.data[:4] = -9                        # after ReLU these channels are 0 everywhere
    with LikeCuda(), device.autocast(CPU, torch.float16):
        loss = (surface(images) * torch.linspace(-1, 1, 8)).sum()
    (512 * loss).backward()
    assert all(part.grad.isfinite().all() for part in surface.parameters())


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_a_saturated_guess_of_affect_still_has_a_gradient(half):
    method = toy_method(toy_faces(8, 16), "baseline", task="valence_arousal")
    method.head.weight.data.zero_(), method.head.bias.data.fill_(4.0)
    with LikeCuda(), device.autocast(CPU, half):
        method.decide(torch.ones(1, method.backbone.width)).sum().backward()
    assert method.head.bias.grad.tolist() == pytest.approx([1 - math.tanh(4.0) ** 2] * 2, rel=0.05)


def test_a_row_of_zeros_has_a_bounded_gradient_in_fp16():
    rows = F.pad(torch.eye(4), (0, 0, 2, 0)).half().requires_grad_()         # two views of three faces, one of them 0
    pairs = Pairs(torch.tensor([0, 1, 2] * 2), torch.tensor([0, 1, 2] * 2), "wsc")
    (16 * instance_contrast(rows, pairs, 0.1)).backward()
    assert rows.grad.isfinite().all()


@pytest.mark.parametrize("asked_in", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_whether_torch_remembers_gradients_is_found_out_anywhere(asked_in):
    device._remembers_gradients.cache_clear()
    with asked_in():
        found = device._remembers_gradients()
    device._remembers_gradients.cache_clear()
    assert found == device._remembers_gradients()


def test_a_weight_that_was_first_used_without_gradients_has_one():
    layer, ones = torch.nn.Linear(2, 2), torch.ones(1, 2)
    with device.autocast(CPU, torch.bfloat16):
        with torch.no_grad():
            layer(ones)
        layer(ones).sum().backward()
    assert layer.weight.grad is not None


def test_a_feature_that_never_moved_is_not_blown_up():
    torch.manual_seed(0)
    labels = torch.arange(200) % 2
    features = torch.randn(200, 4) + 3 * labels[:, None]
    features[:, 2] = 0
    reader = evaluate.mlp_probe(features, labels, steps=200)
    asked = features.clone()
    asked[:, 2] = 1e-2
    assert evaluate.accuracy(reader(asked).argmax(1), labels) > 0.9


def test_alignment_of_kernels_has_no_scale():
    features = torch.randn(100, 8)
    assert evaluate.cka(1e-6 * features, 1e-6 * features) == pytest.approx(1, abs=1e-4)


def test_statistics_taken_again_do_not_depend_on_the_order_of_a_listing():
    faces = toy_faces(512, 16)
    method, order = toy_method(faces), faces.labels.argsort()
    found = []
    for images in (faces.images, faces.images[order]):
        recalibrate(method, images, batch_size=32)
        found.append(torch.cat([norm.running_var for norm in batch_norms(method)]))
    apart = ((found[0] - found[1]).abs() / found[0]).median()
    assert apart < 0.03, "as they come it is 0.06"
