"""The studies of wrong labels: what they count, by hand; that they run, and what every arm reports."""

import pytest
import torch

from fercourse import studies
from fercourse.faces import FaceSet
from fercourse.studies import Scale, robust, suspects
from fercourse.studies.annotators import annotated
from fercourse.studies.suspects import MeanLoss, confident, found, most
from tests.toy import CLASSES, toy_faces, toy_method


def test_flags_are_scored_by_hand():
    flagged = torch.tensor([True, True, True, False, False])
    wrong = torch.tensor([True, False, True, True, False])
    assert found(flagged, wrong) == pytest.approx({"flagged": 0.6, "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3})
    assert found(flagged & False, wrong)["f1"] == 0 == found(flagged, wrong & False)["recall"]


def test_the_most_doubted():
    assert most(torch.tensor([0.1, 0.9, 0.5, 0.7]), 2).tolist() == [False, True, False, True]


def test_confident_learning_flags_what_a_good_network_contradicts():
    pytest.importorskip("cleanlab")
    truth = torch.arange(3).repeat(20)
    labels = truth.clone()
    labels[[0, 4, 8]] = torch.tensor([1, 2, 0])
    shares = 0.1 + 0.7 * torch.nn.functional.one_hot(truth, 3)
    flagged, doubt = confident(labels, shares / shares.sum(1, keepdim=True))
    assert flagged.nonzero().flatten().tolist() == [0, 4, 8]
    assert most(doubt, 3).tolist() == flagged.tolist()


def test_mean_loss_over_epochs():
    faces = toy_faces(8, 16)
    method = toy_method(faces).eval()
    method.setup(faces)
    watch = MeanLoss(faces)
    with torch.no_grad():
        losses = torch.nn.functional.cross_entropy(method.predict(faces.images), faces.labels, reduction="none")
    watch(0, method)
    watch(1, method)
    assert torch.allclose(watch.doubt, losses, atol=1e-5)


def rows(labels, ids, classes=CLASSES):
    return FaceSet(torch.zeros(len(ids), 3, 4, 4, dtype=torch.uint8), torch.tensor(labels), classes, torch.tensor(ids))


def test_annotators_are_matched_by_row_and_name_and_fear_is_left_out():
    classes = ("fear", "happiness", "neutral")
    fer = rows([1, 2, 0, 1, 2, 1], [10, 11, 12, 13, 14, 15], classes)
    plus = rows([2, 1, 1, 0, 3], [10, 11, 12, 13, 15], ("contempt", "neutral", "happiness", "fear"))
    # 10 agrees, 11 agrees, 12 is labelled fear, 13 is voted contempt, 14 has no votes, 15 is voted fear
    assert annotated(fer, plus).tolist() == [1, 2, -1, -1, -1, -1]


SPENT = Scale("smoke", size=16, epochs=6)


@pytest.fixture
def trained(monkeypatch):
    """Return how many faces every training had, for how many epochs, and with what; half of all are flagged."""
    seen = []
    for study in (robust, suspects):
        monkeypatch.setattr(study, "train_classifier",
                            lambda faces, scale, *rest, **hyper: seen.append((len(faces), scale.epochs, hyper)))
    monkeypatch.setattr(robust, "confident", lambda labels, shares: (torch.arange(len(labels)) % 2 == 0, -shares))
    return seen


def test_who_leaves_faces_out_has_as_many_steps(trained):
    faces = toy_faces(24, 16).with_noise(1 / 3, seed=0)
    asked = []
    shares = lambda as_long: asked.append(as_long) or torch.zeros(24)                                # noqa: E731
    for way in ("cross-entropy", "clean subset", *robust.CLEANLAB):
        robust._ways()[way](faces, SPENT, 0, None, shares)
    assert [(count, epochs) for count, epochs, _ in trained] == [(24, 6), (16, 9), *[(12, 12)] * 3]
    assert ["ema" in hyper for _, _, hyper in trained[2:]] == [False, True, False] and asked == [False, False, True]


@pytest.mark.parametrize("as_long, epochs", [(False, 6), (True, 9)])
def test_cleanlabs_networks_have_the_usual_epochs_or_as_many_steps(trained, monkeypatch, as_long, epochs):
    monkeypatch.setattr(suspects, "seen", lambda learner, faces: {"logits": torch.zeros(len(faces), 4)})
    assert suspects.out_of_sample(toy_faces(24, 16), SPENT, 0, as_long).shape == (24, 4)
    assert [one[:2] for one in trained] == [(16, epochs)] * 3


@pytest.mark.slow
def test_every_arm_runs(tmp_path):
    pytest.importorskip("cleanlab")
    found = studies.run("robust", scale="smoke", seeds=1, out=tmp_path).summary()
    assert {name.split(", ", 1)[1] for name in found} == {
        "cross-entropy", "label smoothing", "averaged weights", "pruned by cleanlab",
        "pruned by cleanlab, averaged weights", "pruned by cleanlab, its networks for as long", "masked images",
        "self-pacing", "self-pacing, relabelling", "masked images, self-pacing", "DR-FER", "DR-FER, one pace for all",
        "clean subset"}
    known = {"epochs", "accuracy", "best_epoch", "memorised", "wrong_labels"}
    assert all(known <= arm.keys() for arm in found.values())
    assert {"f1", "cleanlab_f1", "relabelled"} <= found["30 %, DR-FER"].keys()


def test_few_faces_are_a_third_of_them_under_the_same_noise(monkeypatch):
    seen = {}
    keep = lambda kind, way, place, seed: seen.update({kind: place.scale.limit})                     # noqa: E731
    monkeypatch.setattr("fercourse.studies.robust._arm", keep)
    robust = studies.get("robust")
    for arm, measure in robust.arms(robust.scale("cpu"), "synthfaces/lab", None).items():
        if arm.endswith("cross-entropy"):
            measure(0)
    assert seen == {"10 %": 2700, "20 %": 2700, "30 %": 2700, "40 %": 2700, "one annotator": 2700, "no noise": 2700,
                    "few faces": 900}
    photographs = robust.arms(robust.scale("full", "fer2013"), "fer2013", None)
    assert {arm.split(", ")[0] for arm in photographs} == {"no noise", "30 %"}


def test_when_to_begin_is_chosen_on_validation_faces_and_asks_no_peer(monkeypatch):
    asked = []
    monkeypatch.setattr("fercourse.studies.robust._arm",
                        lambda kind, way, place, seed, peers: asked.append((place.tested, peers)))
    tuning = studies.get("robust-tuning")
    for measure in tuning.arms(tuning.scale("cpu"), "synthfaces/lab", None).values():
        measure(0)
    assert set(asked) == {("val", False)}
