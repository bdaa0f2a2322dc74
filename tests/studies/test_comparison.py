"""The comparison study gives every method the same faces, and no method a label it must not read."""

from dataclasses import replace

import pytest
import torch

from fercourse import studies
from fercourse.methods.baseline import Baseline
from fercourse.studies import Scale, comparison

TINY = Scale("tiny", size=32, epochs=1, limit=70, batch_size=35)


@pytest.fixture(params=list(comparison.CIRCUMSTANCES))
def given(request):
    return request.param, comparison.given(request.param, TINY, "synthfaces", None, 0)


def test_every_circumstance_is_what_it_says(given):
    told, faces = given
    wrong = (faces.labelled.labels != faces.labelled.truth).float().mean()
    assert abs(wrong - (0.3 if told == "30 % wrong labels" else 0)) < 0.02
    assert len(faces.labelled) == (8 if told == "a tenth of the labels" else 70) and faces.whole == 70   # of each class
    assert len(faces.labelled.ids.unique()) == len(faces.labelled) and (faces.test.labels == faces.test.truth).all()
    assert set(faces.labelled.words("domain")) == {"lab"}
    assert set(faces.test.words("domain")) == {"wild" if told == "tested in the wild" else "lab"}
    assert set(faces.unlabelled.words("domain")) == set(faces.test.words("domain"))


def test_the_test_shows_strangers(given):
    _, faces = given
    for part in (faces.labelled, faces.unlabelled, faces.everything):
        assert not set(part.identity.tolist()) & set(faces.test.identity.tolist())


def test_the_same_seed_gives_the_same_faces_and_another_gives_others():
    one, same, other = (comparison.given.__wrapped__("right labels", TINY, "synthfaces", None, seed).labelled.ids
                        for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize("name", ["hncl", "dmsrl"])
def test_a_method_that_trains_twice_pays_for_both(name):
    learner, seconds = comparison.trained(name, "tested in the wild", TINY, "synthfaces", None, 0)
    start, once = comparison._start("tested in the wild", TINY, "synthfaces", None, 0)
    assert start.startswith(studies._scratch().name)                         # removed at the end
    assert seconds > (once if name == "dmsrl" else 0)
    assert isinstance(learner, Baseline) == (name == "hncl")                 # fine-tuned it is a plain classifier


def test_dmsrl_starts_from_the_labels_that_the_others_have(monkeypatch):
    learnt, train = [], comparison.train_classifier
    monkeypatch.setattr(comparison, "train_classifier",
                        lambda faces, *rest, **how: learnt.append(faces.ids) or train(faces, *rest, **how))
    comparison._start.cache_clear()
    comparison.trained("dmsrl", "a tenth of the labels", TINY, "synthfaces", None, 0)
    first, second = learnt
    assert torch.equal(first, second) and len(first) == 8


def test_twice_as_long_is_twice_as_many_epochs(monkeypatch):
    asked = []
    monkeypatch.setattr(comparison, "train_classifier", lambda faces, scale, *_, **__: asked.append(scale.epochs))
    for name in ("baseline", comparison.LONGER):
        comparison.trained(name, "right labels", replace(TINY, epochs=3), "synthfaces", None, 0)
    assert asked == [3, 6]


@pytest.mark.parametrize("name", ["baseline", "dmsrl"])
def test_in_the_wild_everyone_is_scored_again_with_its_statistics(name):
    found = comparison._arm(name, "tested in the wild", TINY, "synthfaces", None, 0)
    faces = comparison.given("tested in the wild", TINY, "synthfaces", None, 0)
    learner, _ = comparison.trained(name, "tested in the wild", TINY, "synthfaces", None, 0, label_smoothing=0.0)
    before = comparison.measured(learner, faces)
    comparison.recalibrate(learner, faces.unlabelled.images)
    after = comparison.measured(learner, faces)
    for key in ("accuracy", "macro_f1", "worst_recall"):
        assert (found[key], found[f"recalibrated_{key}"]) == (before[key], after[key])
    assert not any(key.startswith("recalibrated") for key in
                   comparison._arm("baseline", "right labels", TINY, "synthfaces", None, 0))


def test_a_tenth_of_the_labels_is_learnt_in_as_many_steps(monkeypatch):
    scale, steps = replace(TINY, limit=350, batch_size=16, epochs=4), []
    train, fit = comparison.train_classifier, comparison.fit
    monkeypatch.setattr(comparison, "train_classifier", lambda faces, spent, *rest, **how: steps.append(
        spent.epochs * (len(faces) // 16)) or train(faces, replace(spent, epochs=1), *rest, **how))
    monkeypatch.setattr(comparison, "fit", lambda method, faces, epochs, **how: steps.append(
        epochs * (len(faces) // 16)) or fit(method, faces, epochs=1, **how))
    for name in ("dr-fer", "hncl", comparison.LONGER):             # 35 faces: two steps an epoch, not 2.2
        comparison.trained(name, "a tenth of the labels", scale, "synthfaces", None, 0)
    assert steps == [84, 84, 84, 168]


def test_all_have_the_same_cross_entropy_and_the_same_steps(monkeypatch):
    trained, train = [], comparison.train_classifier

    def watched(faces, scale, *rest, **how):
        trained.append((train(faces, scale, *rest, **how), scale.epochs * (len(faces) // scale.batch_size)))
        return trained[-1][0]
    monkeypatch.setattr(comparison, "train_classifier", watched)
    tune = comparison.to_fine_tune
    monkeypatch.setattr(comparison, "to_fine_tune", lambda *given, **how: trained.append((tune(*given, **how), 8)) or
                        trained[-1][0])
    for name in (*comparison.SETTINGS, comparison.LONGER, comparison.AVERAGED):
        trained.clear()
        comparison._arm(name, "tested in the wild", replace(TINY, epochs=4), "synthfaces", None, 0)
        smoothed = {getattr(method.hyper, "label_smoothing", 0.0) for method, _ in trained}
        assert smoothed == {0.0}, name
        assert {steps for _, steps in trained} == {16 if name in (comparison.LONGER, comparison.AVERAGED) else 8}, name


def test_the_study_runs_and_says_what_a_method_costs(tmp_path):
    found = studies.run("comparison", scale="smoke", seeds=1, out=tmp_path, only=["right labels, base"]).summary()
    assert set(found) == {f"right labels, {name}" for name in ("baseline", comparison.LONGER, comparison.AVERAGED)}
    assert {"accuracy", "macro_f1", "worst_recall", "knn", "identity_leak", "minutes"} <= found[
        "right labels, baseline"].keys()
