"""The study of domains: who sees which labels, what is reported, and that best epochs are kept apart from last ones."""

import pytest
import torch

from fercourse import studies
from fercourse.errors import InputError
from fercourse.methods import create, method_class
from fercourse.studies import SCALES, domains
from fercourse.studies.domains import COMMON, METHODS, Epochs
from tests.toy import toy_faces, toy_method


def test_every_arm_is_a_method_with_settings_it_has():
    faces = toy_faces(4, 16)
    for method, hyper in METHODS.values():
        create(method, faces, **COMMON | hyper)
        assert method == "baseline" or method_class(method).target_views


def test_pairs_and_their_domains():
    source, target, test = domains.domains("wild-lab", studies.get("domains").scale("smoke"), None, 0)
    assert len(source) == len(target) == 96 and source.images.shape[-1] == 48
    assert [part.domain.unique().numel() for part in (source, target, test)] == [1, 1, 1]
    assert set(target.identity.tolist()).isdisjoint(test.identity.tolist())
    with pytest.raises(InputError, match="expected one of lab-wild"):
        domains.arms(SCALES["smoke"], "lab-moon", None)


def test_settings_are_weighed_on_people_who_are_neither_trained_on_nor_tested(monkeypatch):
    scale = studies.get("domains-tuning").scale("smoke")
    people = {split: set(domains.domains("wild-lab", scale, None, 0, split)[2].identity.tolist())
              for split in ("train", "val", "test")}
    assert people["val"].isdisjoint(people["train"] | people["test"])
    asked = []
    monkeypatch.setattr(domains, "domains", lambda *args: asked.append(args[-1]) or (_ for _ in ()).throw(KeyError))
    for measure in domains.tuning(scale, "wild-lab", None).values():
        with pytest.raises(KeyError):
            measure(0)
    assert set(asked) == {"val"} and len(asked) == 6


def test_best_and_chosen_epochs(monkeypatch):
    """The best one reads the target's labels, the chosen one does not."""
    test = toy_faces(40, 16)
    right = 9.0 * torch.nn.functional.one_hot(test.labels, 4)
    sure_but_wrong, unsure = right.roll(1, 1), 0.1 * right
    told = iter([unsure, sure_but_wrong])
    monkeypatch.setattr(domains, "seen", lambda method, faces: {"logits": next(told)})
    epochs, method = Epochs(test), toy_method(test)
    epochs(0, method)
    epochs(1, method)
    assert epochs.best() == 1.0 and epochs.chosen() == 0.0


def test_it_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(domains, "METHODS", {name: METHODS[name] for name in ("source only", "DMSRL")})
    found = studies.run("domains", scale="smoke", seeds=1, out=tmp_path).summary()
    assert list(found) == ["source only", "DMSRL", "oracle"]
    assert {"macro_recall", "macro_f1", "best_epoch", "chosen_epoch", "worst_recall"} <= found["DMSRL"].keys()
    assert "recalibrated_macro_recall" in found["source only"]
