"""The study of domains: who sees which labels, what is reported, and that best epochs are kept apart from last ones."""

from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from fercourse import studies
from fercourse.errors import InputError
from fercourse.methods import create, method_class
from fercourse.models.norms import recalibrate
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
    assert set(asked) == {"val"} and len(asked) == 9


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


def test_pre_training_sees_both_domains_and_the_labels_of_the_source_alone(monkeypatch):
    scale, seen = studies.get("domains").scale("smoke"), {}
    monkeypatch.setattr(domains, "train_classifier", lambda faces, scale, seed, method: seen.update(
        faces=faces, epochs=scale.epochs, method=method) or SimpleNamespace(backbone=None))
    monkeypatch.setattr(domains, "backbone_file", lambda backbone: "file")
    domains.pretrained.__wrapped__(replace(scale, epochs=8), "lab-wild", None, 0)
    source, target, _ = domains.domains("lab-wild", scale, None, 0)
    faces = seen["faces"]
    assert seen["method"] == "hncl" and seen["epochs"] == 12
    assert torch.equal(faces.ids, torch.cat([source.ids, target.ids])) and torch.equal(faces.labels[:96], source.labels)
    assert (faces.labels[96:] == -1).all() and (faces.truth[96:] == -1).all()


def test_landmarks_are_read_as_the_source_has_them(monkeypatch):
    """Landmarks that show the class right in the source, and one class further on in half of the test faces."""
    scale = studies.get("domains").scale("smoke")
    source, _, test = domains.domains("lab-wild", scale, None, 0)
    wrong = torch.arange(len(test)) % 2
    shown = {len(source): source.labels, len(test): (test.truth + wrong) % 7}
    monkeypatch.setattr("fercourse.methods.dmsrl.expressions",
                        lambda faces, device: torch.nn.functional.one_hot(shown[len(faces)], 7).float())
    found = domains._landmarks(scale, "lab-wild", None, None, 0)
    assert found["accuracy"] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("arm, learnt, adapts", [("source only, for longer", "lab", False), ("DMSRL", "lab", True),
                                                 ("oracle", "wild", False)])
def test_what_goes_on_from_the_sources_network_learns_whose_labels_it_says(arm, learnt, adapts, monkeypatch):
    scale, seen, train = studies.get("domains").scale("smoke"), [], domains.train_classifier
    monkeypatch.setattr(domains, "train_classifier", lambda faces, *rest, **more: (
        seen.append((faces.name, more)), train(faces, *rest, **more))[1])
    domains.start.cache_clear()
    domains.arms(scale, "lab-wild", None)[arm](0)
    (first, alone), (then, given) = seen
    assert "lab" in first and "weights" not in alone
    assert learnt in then and given["weights"] and (given["target"] is not None) == adapts


def test_it_runs(monkeypatch, tmp_path):
    few = ("source only", "source only, for longer", "DMSRL")
    monkeypatch.setattr(domains, "METHODS", {name: METHODS[name] for name in few})
    found = studies.run("domains", scale="smoke", seeds=1, out=tmp_path).summary()
    assert list(found) == [*few, "landmarks, read", "HNCL, read", "HNCL, then DMSRL and landmarks", "oracle"]
    assert {"macro_recall", "macro_f1", "best_epoch", "chosen_epoch", "worst_recall"} <= found["DMSRL"].keys()
    assert {arm for arm, told in found.items() if "recalibrated_macro_recall" in told} == {*found} - {
        "landmarks, read", "HNCL, read"}


@pytest.mark.parametrize("name, hyper", [("baseline", {}), ("dmsrl", {}), METHODS["DMSRL as found"]])
def test_recalibrated_is_a_copy_and_the_scores_as_it_is_stay_what_they_were(name, hyper):
    scale = studies.get("domains").scale("smoke")
    source, target, test = domains.domains("lab-wild", scale, None, 0)
    test = test.sample(70, 0)
    torch.manual_seed(0)
    learner = create(name, source, backbone="lesson", **COMMON | hyper).eval()
    alone, before = domains.scores(learner, test), deepcopy(learner.state_dict())
    found = domains._scored(learner, target, test)
    assert {key: found[key] for key in alone} == alone
    assert all(torch.equal(value, before[key]) for key, value in learner.state_dict().items())
    recalibrate(learner, target.images)
    assert {key.removeprefix("recalibrated_"): value for key, value in found.items() if key not in alone} == (
        domains.scores(learner, test)) != alone
