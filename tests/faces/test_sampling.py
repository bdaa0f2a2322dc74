"""Subsets: disjoint by person, balanced, small."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fercourse.errors import InputError
from fercourse.faces.sampling import class_weights, rows_by_group

from . import made

quickly = settings(max_examples=40, deadline=None)


@quickly
@given(st.lists(st.integers(-1, 6), min_size=1, max_size=60), st.floats(0.2, 0.8), st.integers(0, 3))
def test_splits_share_no_person_and_lose_nobody(identity, share, seed):
    identity = torch.tensor(identity)
    groups = len(identity[identity >= 0].unique()) + int((identity < 0).sum())
    assume(0 < round(groups * share) < groups)
    faces = made.faces(len(identity), size=1, identity=identity)
    first, second = faces.split_by_person(share, 1 - share, seed=seed)
    assert not set(first.people.tolist()) & set(second.people.tolist())
    assert sorted([*first.ids.tolist(), *second.ids.tolist()]) == faces.ids.tolist()
    sizes = [len(p.people) + int((p.identity < 0).sum()) for p in (first, second)]
    assert sizes == [round(groups * share), groups - round(groups * share)]


def test_a_split_follows_its_seed_and_may_drop_the_rest():
    faces = made.faces()
    one, again, other = (faces.split_by_person(0.5, seed=seed)[0] for seed in (0, 0, 1))
    assert made.same(one, again) and not torch.equal(one.ids, other.ids)
    assert len(one.people) == 5


@pytest.mark.parametrize(("fractions", "message"), [
    ((0.8, 0.3), "sum of at most 1"), ((-0.1, 0.5), "sum of at most 1"), ((), "missing"),
    ((0.97, 0.03), "too few"),
])
def test_bad_fractions(fractions, message):
    with pytest.raises(InputError, match=message):
        made.faces().split_by_person(*fractions)


def test_an_empty_set_splits_into_empty_parts():
    nobody = torch.empty(0, dtype=torch.int64)
    assert [len(rows) for rows in rows_by_group(nobody, 0, (0.5, 0.5), 0)] == [0, 0]


@quickly
@given(st.lists(st.integers(-1, 6), max_size=60), st.integers(0, 3))
def test_balanced_takes_as_many_of_each(labels, seed):
    labels = torch.tensor(labels, dtype=torch.int64)
    counts = labels[labels >= 0].bincount()
    chosen = made.faces(len(labels), size=1, labels=labels).balanced(seed=seed).labels
    rarest = int(counts[counts > 0].min()) if counts.sum() else 0
    assert set(chosen.tolist()) == set(labels[labels >= 0].tolist())
    assert all(count in (0, rarest) for count in chosen.bincount().tolist())


def test_balanced_refuses_more_than_there_are():
    with pytest.raises(InputError, match="the rarest class has 10"):
        made.faces(70).balanced(11)
    assert len(made.faces(70).balanced(4)) == 28


@quickly
@given(st.lists(st.integers(-1, 6), min_size=1, max_size=60), st.floats(0.01, 1))
def test_a_fraction_keeps_every_class(labels, share):
    labels = torch.tensor(labels)
    few = made.faces(len(labels), size=1, labels=labels).fraction(share)
    for label in labels.unique():
        total = int((labels == label).sum())
        assert int((few.labels == label).sum()) == max(1, round(share * total))


def test_class_weights_by_hand():
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    assert class_weights(labels, 4, "none").tolist() == [1, 1, 1, 0]
    inverse = class_weights(labels, 4, "inverse")
    torch.testing.assert_close(inverse, torch.tensor([10 / 18, 10 / 9, 10 / 3, 0]))
    effective = class_weights(labels, 4, "effective")
    size = [(1 - 0.999**n) for n in (6, 3, 1)]
    torch.testing.assert_close(effective[:3] / effective[2], torch.tensor([size[2] / s for s in size]))
    assert effective[labels].mean().item() == pytest.approx(1)


def test_weights_make_classes_equal():
    labels = torch.tensor([0, 0, 0, 1, -1])
    faces = made.faces(5, labels=labels)
    assert faces.class_weights().tolist() == pytest.approx([2 / 3, 2, 0, 0, 0, 0, 0])
    weights = faces.sampling_weights()
    assert weights.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2, 0])
    drawn = labels[list(torch.utils.data.WeightedRandomSampler(weights, 4000))]
    assert abs((drawn == 1).float().mean() - 0.5) < 0.05


def test_a_sample_is_seeded_and_never_larger_than_the_set():
    faces = made.faces()
    assert torch.equal(faces.sample(9, 1).ids, faces.sample(9, 1).ids)
    assert len(faces.sample(1000)) == 70 and len(faces.sample(0)) == 0
    assert len(set(faces.sample(50).ids.tolist())) == 50
