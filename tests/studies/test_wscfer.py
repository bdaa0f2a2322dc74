"""The study of WSCFER: arms that differ in their terms only, a ceiling without wrong labels, paired differences."""

from dataclasses import replace

import pytest

from fercourse import studies
from fercourse.faces import load_faces
from fercourse.methods import create
from fercourse.studies import wscfer
from fercourse.studies.record import paired, told


def test_every_arm_is_the_method_with_other_terms():
    faces = load_faces("synthfaces", split="val").sample(8).resize(32)
    for terms in wscfer.TERMS.values():
        assert create("wscfer", faces, **terms).views == ("weak", "weak")
    assert wscfer.TERMS["CE"] == {"contrast": 0.0, "consistency": 0.0}
    whole = create("wscfer", faces, **wscfer.TERMS["CE + WSC + PCL"]).hyper
    assert whole == create("wscfer", faces).hyper, "the method as it comes is the one that was measured"


def test_it_measures_what_became_of_wrong_labels(monkeypatch, tmp_path):
    monkeypatch.setattr(wscfer, "TERMS", {name: wscfer.TERMS[name] for name in ("CE", "CE + WSC + PCL")})
    found = studies.run("wscfer", scale="smoke", seeds=1, out=tmp_path).summary()
    assert list(found) == ["clean, CE", "clean, CE + WSC + PCL", "noisy, CE", "noisy, CE + WSC + PCL",
                           "noisy, CE, wrong labels left out"]
    assert "memorised" in found["noisy, CE"] and "memorised" not in found["clean, CE"]
    assert "memorised" in found["noisy, CE, wrong labels left out"]            # asked about faces it never saw
    assert {"accuracy", "knn", "silhouette"} <= found["clean, CE"].keys()


def test_the_ceiling_has_as_many_steps_without_the_wrong_labels(monkeypatch):
    trained = []

    def stop(faces, scale, *rest, **terms):
        trained.append((len(faces), scale.epochs))
        raise KeyboardInterrupt
    monkeypatch.setattr(wscfer, "train_classifier", stop)
    scale = replace(studies.get("wscfer").scale("smoke"), limit=100, epochs=7)
    for cleaned in (False, True):
        with pytest.raises(KeyboardInterrupt):
            wscfer._train(wscfer.TERMS["CE"], 0.3, cleaned, scale, "synthfaces/lab", None, 0)
    assert trained == [(100, 7), (70, 10)]


def test_a_longer_training_is_the_same_sums_of_terms_for_longer(monkeypatch, tmp_path):
    monkeypatch.setattr(wscfer, "TERMS", {"CE": wscfer.TERMS["CE"]})
    monkeypatch.setattr(wscfer, "LONG", {("synthfaces/lab", "smoke"): dict(epochs=2)})
    trained, train = [], wscfer.train_classifier
    monkeypatch.setattr(wscfer, "train_classifier",
                        lambda faces, scale, *a, **k: trained.append(scale.epochs) or train(faces, scale, *a, **k))
    found = studies.run("wscfer", scale="smoke", seeds=1, out=tmp_path, only=["ean, CE"]).summary()
    assert list(found) == ["clean, CE", "long, clean, CE"] and trained == [1, 2]
    assert not any(arm.startswith("long") for arm in wscfer.arms(studies.get("wscfer").scale("cpu"), "fer2013", None))


def test_every_rule_is_tuned_at_the_same_settings_and_on_validation_faces(monkeypatch, tmp_path):
    monkeypatch.setattr(wscfer, "REMEDIES", {})
    asked, load = [], load_faces
    monkeypatch.setattr(wscfer, "TRIED", ((0.5, 0.1),))
    monkeypatch.setattr("fercourse.faces.load.load_faces", lambda *a, **k: asked.append(a[1]) or load(*a, **k))
    found = studies.run("wscfer-tuning", scale="smoke", seeds=1, out=tmp_path, only=["noisy"]).summary()
    assert list(found) == ["noisy, CE", *(f"noisy, {rule} 0.5, t 0.1" for rule in ("simclr", "supcon", "wsc"))]
    assert set(asked) == {"train", "val"}


def test_where_the_training_is_long_the_best_are_tried_again_and_the_views_of_wsc_agree_more_or_less():
    arms = wscfer.tuning(studies.get("wscfer").scale("cpu"), "synthfaces/lab", None)
    long = {name.removeprefix("long, noisy, "): arm.args for name, arm in arms.items() if name.startswith("long")}
    assert set(wscfer.AGAIN) < set(long) and all(args[3].epochs == 40 for args in long.values())
    agreeing = [args[0] for name, args in long.items() if "agree" in name]
    assert [terms["consistency"] for terms in agreeing if terms["contrast"] == 0.1] == list(wscfer.AGREE)
    assert [terms["contrast"] for terms in agreeing if terms["contrast"] != 0.1] == list(wscfer.BESIDE)
    assert all(terms["form"] == "views" for terms in agreeing)


def test_paired_differences_by_hand():
    runs = [{"arm": arm, "seed": seed, "metrics": {"accuracy": value}} for arm, seed, value in
            (("a", 0, 0.5), ("b", 0, 0.4), ("b", 1, 0.6), ("a", 1, 0.9), ("a", 2, 0.1))]
    found = paired(runs, "a", "b")
    assert found["mean"] == pytest.approx(0.2) and found["n"] == 2 and found["sd"] == pytest.approx(0.14142)


@pytest.mark.parametrize("value, seed", [(0.5, 1), (None, 0), (float("nan"), 0)])
def test_arms_without_a_seed_in_common_have_no_difference(value, seed):
    runs = [{"arm": "a", "seed": 0, "metrics": {"accuracy": 0.5}},
            {"arm": "b", "seed": seed, "metrics": {"accuracy": value}}]
    found = paired(runs, "a", "b")
    assert found == {"mean": None, "sd": None, "n": 0} and told(found) == "–"
