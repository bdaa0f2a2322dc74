"""Every spread is over seeds: what a study draws and trains has to follow them."""

from importlib import import_module

import pytest
import torch

from fercourse import studies
from fercourse.studies import Place, Scale, noise

from ..toy import toy_faces

TINY = Scale("smoke", 8, 1, 5)


class Asked(Exception):
    pass


class Faces:
    labels = truth = torch.zeros(1)

    def __init__(self, told):
        self.told = told

    def resize(self, size):
        return self

    def sample(self, *_):
        return self

    def with_noise(self, *given, **named):
        self.told.append(named.get("seed", given[2] if len(given) > 2 else 0))
        raise Asked


@pytest.mark.parametrize("study, call", [
    ("robust", lambda module, seed: module._faces.__wrapped__("30 %", Place(TINY, "x", None), seed)),
    ("noise", lambda module, seed: module._train_under(.3, "none", TINY, "x", None, seed)),
    ("wscfer", lambda module, seed: module._train({}, .3, False, TINY, "x", None, seed))])
def test_wrong_labels_follow_the_seed(study, call, monkeypatch):
    module, told = import_module(f"fercourse.studies.{study}"), []
    monkeypatch.setattr(module, "loader", lambda *_: lambda split: Faces(told))
    for seed in (0, 7):
        with pytest.raises(Asked):
            call(module, seed)
    assert told == [0, 7]


def test_a_training_follows_its_seed(monkeypatch):
    given = []
    monkeypatch.setattr("fercourse.train.fit", lambda learner, faces, **more: given.append(
        (more.get("seed"), learner.head.weight[0, 0].item())))
    for seed in (0, 0, 1):
        studies.train_classifier(toy_faces(12, 16), TINY, seed)
    assert [seed for seed, _ in given] == [0, 0, 1] and given[0] == given[1] and given[0][1] != given[2][1]


def test_what_is_learnt_by_heart_are_the_labels_given(monkeypatch):
    faces = toy_faces(40, 16)
    monkeypatch.setattr(noise, "loader", lambda *_: lambda split: faces)
    monkeypatch.setattr(noise, "train_classifier", lambda faces, *_, **__: None)
    monkeypatch.setattr(noise, "predicted", lambda learner, part: part.labels)
    assert noise._train_under(0.3, "none", TINY, "x", None, 0)["fitted"] == 1
