"""What cannot be trained is told in one sentence, at the latest in the first step."""

from dataclasses import replace

import pytest
import torch

from fercourse import fit
from fercourse.errors import InputError
from fercourse.methods import Hyper, Method, register
from tests.test_train import QUICK, Recorder, recorder
from tests.toy import CLASSES, toy_faces, toy_method


@pytest.mark.parametrize("losses, message", [
    (torch.ones(1), "returned a Tensor; expected a dict of losses with 'total'"),
    ({"loss": torch.ones(())}, "returned a dict of loss; expected"),
    ({"total": torch.ones(()), "part": 0.5}, "the loss 'part' is float; expected a tensor of no dimension"),
    ({"total": torch.ones(16)}, r"the loss 'total' is of shape \(16,\); expected"),
])
def test_losses_that_are_none_are_told_at_the_first_step(losses, message):
    method, faces = recorder(), toy_faces(32, 8)
    method.forward = lambda batch, progress: losses
    with pytest.raises(InputError, match=f"recorder: .*{message}"):
        fit(method, faces, target=faces, epochs=1, **QUICK)
    assert method.steps == 0


def test_losses_keep_their_names():
    method, faces, forward = recorder(), toy_faces(48, 8), Recorder.forward
    method.forward = lambda batch, progress: {**forward(method, batch, progress),
                                              **({"late": torch.zeros(())} if method.steps else {})}
    with pytest.raises(InputError, match="the losses of step 2 are total, first, second, late, those before were"):
        fit(method, faces, target=faces, epochs=1, **QUICK)


def test_a_class_that_lacks_something_is_told_before_training(known):
    class Nameless(Method):
        pass
    faces = toy_faces(16, 16)
    with pytest.raises(InputError, match=r'Nameless has no name; put @register\("name"\) above its class'):
        fit(Nameless(CLASSES, 16, Hyper()), faces, **QUICK)
    undecided = register("undecided")(Nameless)
    with pytest.raises(InputError, match="undecided: Nameless has no decide of its own; write decide"):
        fit(undecided(CLASSES, 16, Hyper()), faces, **QUICK)


@pytest.mark.parametrize("name, hyper, lacking", [
    ("baseline", {"task": "valence_arousal"}, "valence_arousal"), ("id-invariant", {}, "valence_arousal"),
    ("id-invariant", {"task": "classes"}, "labels")])
def test_faces_without_what_a_method_needs_are_refused_before_its_setup(name, hyper, lacking):
    faces = toy_faces(16, 16, valence_arousal=None)
    faces = replace(faces, labels=torch.full((16,), -1))
    with pytest.raises(InputError, match=lacking):
        fit(toy_method(faces, name, **hyper), faces, **QUICK)
