"""Label noise: exact, seeded, never the label itself, only where we train."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fercourse.errors import InputError

from . import made

quickly = settings(max_examples=40, deadline=None)
rates = st.floats(0, 1)


@quickly
@given(st.integers(1, 80), rates, st.sampled_from(["symmetric", "pair"]), st.integers(0, 5))
def test_exactly_the_rate_changes_and_the_truth_stays(count, rate, kind, seed):
    faces = made.faces(count, size=1)
    noisy = faces.with_noise(rate, kind, seed)
    assert int((noisy.labels != faces.labels).sum()) == round(rate * count)
    assert torch.equal(noisy.true_labels, faces.labels) and torch.equal(noisy.truth, faces.truth)
    assert noisy.labels.min() >= 0 and noisy.labels.max() < 7
    assert torch.equal(noisy.labels, faces.with_noise(rate, kind, seed).labels)


@quickly
@given(rates, rates)
def test_more_noise_is_the_same_noise_and_more(one, other):
    low, high = sorted((one, other))
    faces = made.faces(60, size=1)
    few, many = faces.with_noise(low).labels, faces.with_noise(high).labels
    changed = few != faces.labels
    assert torch.equal(few[changed], many[changed])


def test_symmetric_noise_is_uniform_over_the_other_classes():
    faces = made.faces(7000, size=1)
    noisy = faces.with_noise(1.0, seed=3)
    table = torch.zeros(7, 7).index_put((faces.labels, noisy.labels), torch.ones(7000), accumulate=True)
    assert table.diag().sum() == 0
    off = table[~torch.eye(7, dtype=torch.bool)]
    assert ((off - 1000 / 6).abs() < 5 * (1000 / 6) ** 0.5).all()


@pytest.mark.parametrize("part", [lambda f: f.sample(500), lambda f: f.fraction(0.25), lambda f: f.balanced(70),
                                  lambda f: f.split_by_person(0.25)[0], lambda f: f.confound("age", "anger")])
def test_the_same_seed_elsewhere_does_not_pick_the_noisy_faces(part):
    faces = made.faces(2100, size=1, identity=None).with_noise(0.3)
    wrong = part(faces).labels != part(faces).true_labels
    assert abs(wrong.float().mean() - 0.3) < 0.08


def test_pair_noise_goes_to_the_lookalike():
    noisy = made.faces(70, size=1).with_noise(1.0, "pair")
    pairs = set(zip(noisy.words("true_labels"), noisy.words("labels")))
    assert ("disgust", "anger") in pairs and ("fear", "surprise") in pairs and len(pairs) == 7


def test_pair_noise_asks_only_for_the_lookalikes_it_needs():
    faces = made.faces(70, size=1)
    fear = faces.with_classes(("fear", "surprise", "sadness"))
    assert len(fear.where(labels=("fear", "surprise")).with_noise(1.0, "pair")) == 20
    with pytest.raises(InputError, match="lacks the look-alike of sadness"):
        fear.with_noise(0.5, "pair")


def test_votes_draw_one_annotator():
    votes = torch.zeros(4000, 7)
    votes[:, 0], votes[:, 3] = 3, 1
    votes[0], votes[1] = 0, torch.nan
    noisy = made.faces(4000, size=1, votes=votes).with_noise(kind="votes")
    assert torch.equal(noisy.labels[:2], noisy.true_labels[:2])              # nobody voted: the label stays
    shares = noisy.labels[2:].bincount(minlength=7) / 3998
    assert shares[0] + shares[3] == 1 and abs(shares[3] - 0.25) < 0.04


@pytest.mark.parametrize("kind", ["symmetric", "pair", "votes"])
def test_an_empty_set_stays_empty(kind):
    assert len(made.faces(0).with_noise(0.3, kind)) == 0


@pytest.mark.parametrize("split", ["train+val", "val+train"])
def test_what_is_trained_on_together_takes_noise(split):
    assert (made.faces(split=split).with_noise(0.5).labels != made.faces().labels).sum() == 35


@pytest.mark.parametrize("split", ["val", "test", "PublicTest", "train+test", "train+val+test", "Training"])
def test_tests_keep_their_labels(split):
    for faces in (made.faces(split=split), made.faces(name=f"made/wild:{split}")):
        with pytest.raises(InputError, match=f"is a {re.escape(split)} split"):
            faces.sample(5).with_noise(0.1)


def test_a_whole_set_keeps_its_labels_and_parts_dealt_of_it_do_not():
    whole = made.faces(name="made", split="all")
    with pytest.raises(InputError, match="is the whole set, and its tests keep their labels; load split='train', or"):
        whole.sample(30).with_noise(0.5)
    part, _ = whole.split_by_person(0.5, 0.5)
    assert (part.with_noise(0.5).labels != part.labels).sum() == round(len(part) / 2)
    test, _ = made.faces(split="test").split_by_person(0.5, 0.5)
    assert test.split == "test"


@pytest.mark.parametrize(("changes", "options", "message"), [
    ({}, {"kind": "odd"}, "expected symmetric, pair or votes"),
    ({}, {"rate": 1.2}, "rate is 1.2"),
    ({}, {"rate": float("nan")}, "rate is nan"),
    ({"votes": None}, {"kind": "votes"}, "no annotator votes"),
    ({"labels": torch.full((70,), -1)}, {}, "without a label"),
    ({"classes": ("fear",), "labels": torch.zeros(70, dtype=torch.int64), "votes": None}, {}, "single class"),
])
def test_bad_requests(changes, options, message):
    with pytest.raises(InputError, match=message):
        made.faces(**changes).with_noise(**options)


def test_the_truth_of_noisy_annotators_is_not_overwritten():
    faces = made.faces().relabel(torch.zeros(70, dtype=torch.int64)).with_noise(0.5)
    assert torch.equal(faces.true_labels, made.faces().labels)
    assert "35 of 70 labels changed by symmetric noise" in faces.notes[0]
