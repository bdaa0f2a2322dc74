"""What is drawn anew, and by which seed: between two tested parts, a seed that is not handed on goes unseen."""

from dataclasses import replace

import torch

from fercourse import augment, fit
from fercourse.batches import Stream

from .test_train import CPU, QUICK, recorder
from .toy import toy_faces


def stream(faces, views=("weak",), seed=0, name="source", size=6):
    return Stream(faces, views, (), size, seed, CPU, name)


def seen(number, views=("weak",), seed=0):
    """Return the views of a batch in which all faces are one; two batches are an epoch."""
    faces = toy_faces(12, 16)
    return stream(replace(faces, images=faces.images[:1].repeat(12, 1, 1, 1)), views, seed).batch(number).views


def test_two_views_of_a_face_differ():
    first, second = seen(0, views=("weak", "weak"))
    assert not torch.equal(first, second)


def test_an_epoch_has_augmentations_of_its_own():
    assert not torch.equal(seen(0), seen(2))


def test_augmentation_follows_the_seed():
    assert not torch.equal(seen(0), seen(0, seed=1)) and torch.equal(seen(0), seen(0))


def test_a_tone_is_drawn_by_seed_epoch_and_view():
    preset = augment.Preset(gamma=2.0)
    drawn = [augment.draw(preset, 5, *where)[:, 13] for where in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert len({tuple(tones.tolist()) for tones in drawn}) == 4


def test_domains_are_dealt_apart():
    """In one order, row i of the source would always meet row i of the target."""
    one, other = (stream(toy_faces(24, 8), ("none",), name=name, size=24).batch(0).index
                  for name in ("source", "target"))
    assert not torch.equal(one, other)


def test_every_step_draws_anew():
    method, drawn = recorder(), []
    own = method.forward
    method.forward = lambda *given: drawn.append(torch.rand(1).item()) or own(*given)
    fit(method, faces := toy_faces(32, 8), target=faces, epochs=2, **QUICK)
    assert len(set(drawn)) == 4


def test_a_method_in_evaluation_mode_is_trained_all_the_same():
    method = recorder().eval()
    fit(method, faces := toy_faces(16, 8), target=faces, epochs=2, watch=lambda *_: None, **QUICK)
    assert [training for _, _, training in method.batches] == [True, True]


def test_who_watches_sees_the_averaged_weights():
    method, shown = recorder(ema=0.99), []
    fit(method, faces := toy_faces(32, 8), target=faces, epochs=1, lr=0.1,
        watch=lambda epoch, method: shown.append(method.scale.item()), **QUICK)
    assert shown == [method.scale.item()]
