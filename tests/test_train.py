"""The loop: it learns, repeats exactly, keeps to the contract of a method, stops at a loss that is none."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from fercourse import fit
from fercourse.batches import Stream
from fercourse.device import exact, half_precision, pick_device
from fercourse.ema import Average
from fercourse.errors import InputError
from fercourse.look import Look
from fercourse.methods import Hyper, Method, make_optimiser, register
from fercourse.schedule import cosine, ramp, set_rates
from tests.toy import CLASSES, toy_faces, toy_method

QUICK = {"batch_size": 16, "quiet": True, "device": "cpu"}
CPU = torch.device("cpu")


@register("recorder")
class Recorder(Method):
    """A tiny method that remembers how the loop treats it."""

    views = ("none", "none")
    target_views = ("none",)

    def __init__(self, classes, size, hyper):
        nn.Module.__init__(self)
        self.classes, self.size, self.hyper, self.memory = classes, size, hyper, {}
        self.scale = nn.Parameter(torch.ones(1))
        self.centre = nn.Parameter(torch.ones(1))
        self.batches, self.seen, self.steps, self.bad = [], [], 0, (None, None)

    def setup(self, faces, target=None):
        super().setup(faces, target)
        self.target = target

    def start_epoch(self, epoch, look):
        there = look("embedding", of="target")
        self.seen.append((look("embedding"), look("logits", "loss"), there, look.progress))
        self.memory["labels"] = (self.memory["labels"] + 1) % 4           # relabelling, seen at once
        return {"moved": torch.tensor(len(self.seen))}

    def forward(self, batch, progress):
        self.batches.append((batch, progress, self.training))
        step = len(self.batches)
        parts = {"first": self.scale.sum() * 1.0, "second": self.centre.sum() * 2.0}
        if step == self.bad[0]:
            parts[self.bad[1]] = parts[self.bad[1]] * float("nan")
        return {"total": parts["first"] + parts["second"], **parts}

    def optimisers(self, lr):
        return [torch.optim.SGD([{"params": [self.scale]}, {"params": [self.centre], "constant": True}], lr)]

    def after_step(self):
        self.steps += 1

    def finish(self, look):
        self.finished = (look.progress, look("embedding").shape, self.steps)

    def embed(self, images):
        return images.float().mean((2, 3)) * self.scale

    def decide(self, features):
        return torch.cat([features, features[:, :1]], 1)


def recorder(**hyper):
    return Recorder(CLASSES, 8, Hyper(**hyper))


def test_learns_and_tells():
    faces, shown = toy_faces(128), []
    method = toy_method(faces)
    history = fit(method, faces, epochs=5, watch=lambda epoch, m: shown.append((epoch, m.training)), **QUICK)
    table = history.epochs()
    assert list(table.index) == [0, 1, 2, 3, 4]
    assert table.total.iloc[-1] < table.total.iloc[0] - 0.2
    assert (table.images_per_s > 0).all()
    assert not method.training
    assert shown == [(e, False) for e in range(5)]
    fresh = toy_faces(200, seed=9)
    with torch.no_grad():
        assert (method.predict(fresh.images).argmax(1) == fresh.labels).float().mean() > 0.8


def test_repeats_exactly_whatever_was_random_before():
    faces = toy_faces(48, 16)
    runs = []
    for seed, before in ((0, 1), (0, 2), (1, 1)):
        method = toy_method(faces)
        torch.manual_seed(before)
        fit(method, faces, epochs=1, seed=seed, **QUICK)
        runs.append(torch.cat([p.flatten() for p in method.parameters()]))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_a_look_sees_with_the_averaged_weights():
    faces, method = toy_faces(6, 8), recorder()
    average = Average(method, 0.5)
    plain = Look(method, faces, None, None, average)("embedding")
    with torch.no_grad():
        method.scale.fill_(3.0)
    average.update(10**6)                                                 # 0.5 x 1 + 0.5 x 3
    torch.testing.assert_close(Look(method, faces, None, None, average)("embedding"), 2 * plain)
    assert method.scale.item() == 3


def test_keeps_to_the_contract():
    faces, target, method = toy_faces(40, 8), toy_faces(24, 8, seed=3, name="there"), recorder()
    history = fit(method, faces, target=target, epochs=2, lr=0.1, **QUICK)
    assert len(method.batches) == method.steps == 4                       # 40 faces: two whole batches of 16
    for number, (batch, progress, training) in enumerate(method.batches):
        assert training and progress == number / 4
        assert batch.views.shape == (2, 16, 3, 8, 8)
        moved = 1 + number // 2                                           # as the epoch's start left them
        assert torch.equal(batch.labels, (faces.labels[batch.index] + moved) % 4)
        assert batch.target.labels is None and batch.target.views.shape == (1, 16, 3, 8, 8)
    assert (method.target.labels == -1).all() and method.target.valence_arousal is None
    embedding, (logits, loss), there, progress = method.seen[1]
    assert embedding.shape == (40, 3) and there.shape == (24, 3) and progress == 0.5
    scale = logits[0, 0] / faces.images[0, 0].float().mean()
    torch.testing.assert_close(embedding, faces.images.float().mean((2, 3)) * scale)
    assert loss.shape == (40,)
    assert method.finished == (1.0, (40, 3), 4)
    assert [r["start"]["moved"] for r in history.starts] == [1, 2]
    assert history.epochs().moved.tolist() == [1, 2]


def test_marked_groups_keep_their_rate():
    one, other = {"params": [torch.zeros(1)]}, {"params": [torch.zeros(1)], "constant": True}
    optimiser = torch.optim.SGD([one, other], 0.5)
    for share in (0.1, 0.4):
        set_rates([optimiser], share)
    assert [g["lr"] for g in optimiser.param_groups] == [0.2, 0.5]


def test_targets_are_refused_where_they_mean_nothing_and_asked_for_where_needed():
    faces = toy_faces(16, 8)
    with pytest.raises(InputError, match="baseline has no use for a target domain"):
        fit(toy_method(faces), faces, target=faces, **QUICK)
    with pytest.raises(InputError, match="recorder needs a target domain"):
        fit(recorder(), faces, **QUICK)
    with pytest.raises(InputError, match="toy: 0 faces in batches of 16"):
        fit(recorder(), faces, target=faces.subset([]), **QUICK)


def test_faces_of_other_classes_or_another_size_are_refused():
    faces = toy_faces(16, 16)
    with pytest.raises(InputError, match=r"made for neutral, .*; use faces.with_classes\(method.classes\)"):
        fit(toy_method(faces), replace(faces, classes=faces.classes[::-1]), **QUICK)
    with pytest.raises(InputError, match=r"toy has faces of 24 px, but .* 16 px; use faces.resize\(16\)"):
        fit(toy_method(faces), faces.resize(24), **QUICK)
    with pytest.raises(InputError, match="no folder says of what"):
        fit(toy_method(faces), faces, resume=True, **QUICK)


@pytest.mark.parametrize("step, part", [(3, "second"), (21, "first")])
def test_a_loss_that_is_not_finite_stops_the_run(tmp_path, step, part):
    method, faces = recorder(), toy_faces(80, 8)                           # five steps an epoch
    method.bad = (step, part)
    with pytest.raises(InputError, match=f"not finite at step {step}: {part};"):
        fit(method, faces, target=faces, epochs=30, out=tmp_path / "run", save_every=1, **QUICK)
    kept = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert kept["step"] == step - 1                                       # nothing poisoned was saved


def test_the_order_is_a_function_of_seed_and_epoch():
    faces = toy_faces(50, 8)
    stream, again = (Stream(faces, ("weak",), ("labels",), 8, 5, CPU) for _ in range(2))
    labels = faces.labels
    walk = torch.cat([stream.batch(n, labels).index for n in range(6)])
    assert len(walk.unique()) == 48 and stream.steps == 6
    late, early = again.batch(8, labels), stream.batch(8, labels)         # without those before it
    assert torch.equal(late.index, early.index) and torch.equal(late.views, early.views)
    assert not torch.equal(torch.cat([stream.batch(n, labels).index for n in range(6, 12)]), walk)
    other = Stream(faces, ("weak",), ("labels",), 8, 6, CPU)
    assert not torch.equal(torch.cat([other.batch(n, labels).index for n in range(6)]), walk)


def test_batches_carry_what_a_method_needs():
    faces = toy_faces(20, 8)
    batch = Stream(faces, ("none", "none"), ("identity", "valence_arousal"), 8, 0, CPU).batch(1)
    assert batch.labels is None and batch.views.shape == (2, 8, 3, 8, 8)
    assert torch.equal(batch.extra["identity"], faces.identity[batch.index])
    assert batch.views[0].is_contiguous(memory_format=torch.channels_last)
    with pytest.raises(InputError, match="toy has no 'landmarks'"):
        Stream(faces, ("none",), ("landmarks",), 8, 0, CPU)
    unlabelled = replace(faces, labels=torch.where(torch.arange(20) < 3, -1, faces.labels))
    with pytest.raises(InputError, match="3 of 20 faces have no labels"):
        Stream(unlabelled, ("none",), ("labels",), 8, 0, CPU)


def test_few_faces_make_small_batches_and_none_are_refused():
    assert Stream(toy_faces(5, 8), ("none",), (), 16, 0, CPU).batch(3).views.shape[1] == 5
    with pytest.raises(InputError, match="0 faces in batches of 16"):
        Stream(toy_faces(4, 8).subset([]), ("none",), (), 16, 0, CPU)


def test_a_weight_rises_in_a_straight_line():
    assert [ramp(p, 0.1, 0.4) for p in (0, 0.1, 0.25, 0.4, 1)] == pytest.approx([0, 0, 0.5, 1, 1])
    assert ramp(0.5, 0.5, 0.5) == 0 and ramp(0.6, 0.5, 0.5) == 1


def test_schedule_by_hand():
    assert [cosine(p, 0.2) for p in (0, 0.1, 0.2, 0.6, 1)] == pytest.approx([0, 0.5, 1, 0.5, 0])
    assert cosine(0, 0) == 1


def test_averaged_weights():
    module = nn.Linear(1, 1, bias=False)
    average, kept = Average(module, 0.5), module.weight.item()
    for number, value in enumerate((1.0, 2.0, 3.0)):
        with torch.no_grad():
            module.weight.fill_(value)
        average.update(number)
        decay = min(0.5, (1 + number) / (10 + number))
        kept = decay * kept + (1 - decay) * value
    with average.installed():
        assert module.weight.item() == pytest.approx(kept)
    assert module.weight.item() == 3
    average.install()
    assert module.weight.item() == pytest.approx(kept)


def test_the_finished_method_has_the_averaged_weights():
    method = recorder(ema=0.99)
    fit(method, faces := toy_faces(32, 8), target=faces, epochs=1, lr=0.1, **QUICK)
    plain = recorder()
    fit(plain, faces, target=faces, epochs=1, lr=0.1, **QUICK)
    assert 1 > method.scale.item() > plain.scale.item()                   # it lags behind


def test_clipping_bounds_the_step():
    steps = {}
    for clip in (0, 0.5):
        method = recorder(clip=clip, warmup=0.0)
        fit(method, faces := toy_faces(16, 8), target=faces, epochs=1, lr=1.0, **QUICK)
        steps[clip] = torch.tensor([1 - method.scale.item(), 1 - method.centre.item()])
    share = cosine(0.5, 0)
    torch.testing.assert_close(steps[0], torch.tensor([share, 2.0]))
    bounded = torch.tensor([share, 2.0]) * 0.5 / math.sqrt(5)             # the gradient is (1, 2)
    torch.testing.assert_close(steps[0.5], bounded, atol=1e-4, rtol=1e-3)


def test_biases_and_norms_are_not_decayed():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    groups = make_optimiser(module, 0.1, Hyper(weight_decay=0.3)).param_groups
    assert [(len(g["params"]), g["weight_decay"]) for g in groups] == [(1, 0.3), (3, 0.0)]
    module[0].weight.requires_grad_(False)
    groups = make_optimiser(module, 0.1, Hyper(optimiser="sgd", momentum=0.5)).param_groups
    assert [(len(g["params"]), g["momentum"], g["nesterov"]) for g in groups] == [(0, 0.5, True), (3, 0.5, True)]
    with pytest.raises(InputError, match="optimiser is 'lion'; expected one of adamw, sgd"):
        make_optimiser(module, 0.1, Hyper(optimiser="lion"))


def test_half_precision_trains_on_the_cpu_too():
    faces = toy_faces(32, 16)
    history = fit(toy_method(faces), faces, epochs=1, precision="bf16", **QUICK)
    assert math.isfinite(history.last["total"])


def test_devices_and_precisions_by_name():
    assert half_precision(CPU) is None and half_precision(CPU, "fp16") is torch.float16
    with pytest.raises(InputError, match="precision 'int8' is unknown"):
        half_precision(CPU, "int8")
    with pytest.raises(InputError, match="device 'tpu' is not available here; expected auto"):
        pick_device("tpu")
    for name in ("cpu:x", "cpu:"):
        with pytest.raises(InputError, match=f"device '{name}' is none; expected cpu, or cpu:0 for the first"):
            pick_device(name)


def test_double_precision_leaves_a_device_that_has_none():
    class OnMps:
        device, cpu = torch.device("mps"), lambda self: torch.tensor([True])
    assert exact(OnMps()).dtype == torch.float64 and exact(torch.ones(1)).dtype == torch.float64


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match="device 'cuda:2' is not there; expected cuda:0 to cuda:1"):
        pick_device("cuda:2")


def test_an_unknown_optimiser_is_refused_at_once():
    with pytest.raises(InputError, match="hyper-parameter optimiser is 'adam'; expected one of adamw, sgd"):
        toy_method(toy_faces(4, 16), optimiser="adam")
