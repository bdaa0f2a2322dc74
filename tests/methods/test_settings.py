"""Settings that cannot be are refused in one sentence, before anything is trained."""

from dataclasses import dataclass
from math import nan

import pytest

from fercourse.errors import InputError
from fercourse.methods import Hyper, Method, create
from fercourse.train import fit
from tests.toy import toy_faces, toy_method

REFUSED = {
    "baseline": [("label_smoothing", 7.0, "0 to 1"), ("weight_decay", 2.0, "0 to 1"), ("clip", -1.0)],
    "dann": [("adversary", -3, "0 to 1e"), ("adversary", nan, "0 to 1e"), ("label_smoothing", -1.0)],
    "dmsrl": [("pseudo", "never"), ("centres", "zero"), ("believe", 0.0), ("metric", -1), ("begin", 2.0),
              ("information", nan), ("geometry", -4), ("width", 0), ("local_width", 0), ("centre_rate", 2),
              ("self_train", -1), ("label_smoothing", 7.0)],
    "dr-fer": [("mask_ratio", 1.2), ("keep", 1.0), ("label_smoothing", 7.0), ("neighbours", 0), ("trust", 1.5),
               ("reconstruct", -2), ("cell", -6), ("apart", nan)],
    "hncl": [("neighbours", "friends", "one of none, random"), ("labels", 0), ("labels", 1.5), ("queue", 0),
             ("queue", -5), ("count", -1), ("count", 0), ("width", 0), ("key_decay", 1.1), ("begin", -1),
             ("weight", -1), ("temperature", 300.0)],
    "id-invariant": [("estimator", "mine"), ("task", "age"), ("withhold", 5), ("critic_rate", -1),
                     ("critic_steps", 0), ("ramp_to", 1.5), ("agreement", nan), ("temperature", 0.0)],
    "wscfer": [("rule", "moco", "one of simclr, supcon, wsc"), ("form", "A", "one of spaces, views"), ("width", -1),
               ("contrast", -1), ("consistency", -0.1), ("rise", 2), ("begin", -1), ("ramp", -1), ("fade", -1),
               ("temperature", 0.0), ("class_temperature", 0), ("label_smoothing", 7.0)],
}


@pytest.mark.parametrize("method, name, value, expected", [
    (method, name, value, *(told or [""])) for method, rows in REFUSED.items() for name, value, *told in rows])
def test_settings_that_cannot_be_are_refused(method, name, value, expected):
    with pytest.raises(InputError, match=f"hyper-parameter {name} is '?{value}'?; expected {expected}"):
        create(method, toy_faces(8, 24), **{name: value})


@dataclass
class HotHyper(Hyper):
    temperature: float = 300.0


def test_a_method_of_ones_own_says_itself_what_its_hyper_parameters_may_be():
    assert Method(("fear", "anger"), 16, HotHyper()).hyper.temperature == 300


@pytest.mark.parametrize("method", ["dmsrl", "hncl"])
def test_one_face_a_step_is_refused(method):
    faces = toy_faces(8, 16)
    target = faces if method == "dmsrl" else None
    with pytest.raises(InputError, match=f"{method}: a step sees one face, .* a batch size of at least 2 for"):
        fit(toy_method(faces, method), faces, target=target, epochs=1, batch_size=1, quiet=True, device="cpu")


@pytest.mark.parametrize("method", ["dmsrl", "dr-fer"])
def test_one_class_is_refused(method):
    faces = toy_faces(32, 16)
    with pytest.raises(InputError, match=f"{method} tells classes apart, but here are 1"):
        create(method, faces.with_classes(faces.classes[:1]))
