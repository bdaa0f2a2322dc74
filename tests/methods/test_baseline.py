"""The baseline: its losses by hand, its weights of classes, and its second task."""

import math

import pytest
import torch
import torch.nn.functional as F

from fercourse import augment, fit
from fercourse.errors import InputError
from fercourse.losses.concordance import concordance
from fercourse.methods import Batch, create
from tests.toy import toy_faces, toy_method


def batch_of(faces, method, rows=slice(None)):
    index = torch.arange(len(faces))[rows]
    views = torch.randn(1, len(index), 3, 16, 16)
    return Batch(index, views, method.memory["labels"][index])


def test_smoothed_cross_entropy_by_hand():
    faces = toy_faces(6, 16)
    method = toy_method(faces, label_smoothing=0.2).eval()
    method.setup(faces)
    batch = batch_of(faces, method)
    logits = method.head(method.backbone.features(batch.views[0])).double()
    expected = 0
    for row, label in zip(logits.tolist(), faces.labels.tolist()):
        norm = math.log(sum(math.exp(v) for v in row))
        expected += sum((0.2 / 4 + 0.8 * (c == label)) * (norm - v) for c, v in enumerate(row)) / 6
    assert method(batch, 0.0)["total"].item() == pytest.approx(expected, rel=1e-5)


def test_rare_classes_weigh_more():
    faces = toy_faces(40, 16)
    faces = faces.subset((faces.labels > 0) | (torch.arange(40) < 4))
    method = toy_method(faces, balance="inverse")
    method.setup(faces)
    counts = faces.labels.bincount(minlength=4)
    weights = method.memory["class_weights"]
    torch.testing.assert_close(weights[faces.labels].sum() / len(faces), torch.tensor(1.0))
    torch.testing.assert_close(weights * counts, torch.full((4,), len(faces) / 4.0))


def test_weights_of_classes_reach_the_loss():
    faces = toy_faces(12, 16)
    method = toy_method(faces, label_smoothing=0.0).eval()
    method.setup(faces)
    method.memory["class_weights"] = weights = torch.tensor([0.0, 1.0, 2.0, 4.0])
    batch = batch_of(faces, method)
    losses = F.cross_entropy(method.head(method.backbone.features(batch.views[0])), batch.labels, reduction="none")
    torch.testing.assert_close(method(batch, 0.0)["total"], (losses * weights[batch.labels]).mean())


def test_affect_is_bounded_and_its_concordance_weighed():
    faces = toy_faces(12, 16)
    method = toy_method(faces, task="valence_arousal", concordance=0.25)
    assert method.decide(torch.full((2, method.backbone.width), 1e4)).abs().max() <= 1
    batch = Batch(torch.arange(12), torch.randn(1, 12, 3, 16, 16), None, {"valence_arousal": faces.valence_arousal})
    parts = method(batch, 0.0)
    torch.testing.assert_close(parts["total"], parts["squared"] + 0.25 * parts["concordance"])


def test_a_grey_method_sees_no_colour():
    faces = toy_faces(4, 16)
    method = toy_method(faces, grey=True).eval()
    grey = augment.without_colour(augment.normalise(faces.images))
    torch.testing.assert_close(method.embed(faces.images), method.backbone.trunk(grey), rtol=1e-4, atol=1e-4)


def test_valence_and_arousal():
    faces = toy_faces(96, 16)
    method = toy_method(faces, task="valence_arousal")
    history = fit(method, faces, epochs=8, batch_size=32, lr=4e-3, quiet=True, device="cpu")
    assert {"total", "squared", "concordance"} <= history.last.keys()
    with torch.no_grad():
        guess = method.predict(faces.images)
    assert guess.shape == (96, 2) and guess.abs().max() <= 1
    assert concordance(guess, faces.valence_arousal).min() > 0.5


def test_losses_of_single_faces():
    faces = toy_faces(10, 16)
    for task in ("classes", "valence_arousal"):
        method = toy_method(faces, task=task).eval()
        method.setup(faces)
        logits = method.predict(faces.images)
        losses = method.sample_losses(logits, torch.arange(10))
        expected = (torch.nn.functional.cross_entropy(logits[3:4], faces.labels[3:4]) if task == "classes"
                    else ((logits[3] - faces.valence_arousal[3]) ** 2).mean())
        assert losses[3].item() == pytest.approx(expected.item(), rel=1e-5)


def test_wrong_settings():
    faces = toy_faces(8, 16)
    with pytest.raises(InputError, match="task is 'age'"):
        create("baseline", faces, task="age")
    with pytest.raises(InputError, match="baseline has no hyper-parameter smoothing; it has backbone"):
        create("baseline", faces, smoothing=1)
    with pytest.raises(InputError, match="label_smoothing='much' is no float"):
        create("baseline", faces, label_smoothing="much")
    with pytest.raises(InputError, match="'nothing' is unknown; expected one of baseline"):
        create("nothing", faces)
    with pytest.raises(InputError, match="momentum is -1; expected 0 to 1"):
        create("baseline", faces, optimiser="sgd", momentum=-1)
    with pytest.raises(InputError, match="concordance is -1; expected 0 to 1e"):
        create("baseline", faces, concordance=-1)
    with pytest.raises(InputError, match="baseline has no hyper-parameter name"):
        create("baseline", faces, **{"name": "x"})
    assert create("baseline", faces, ema="0.5").hyper.ema == 0.5
