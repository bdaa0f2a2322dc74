"""Bias on purpose: the strength is exact, the classes keep their shares."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fercourse.errors import InputError
from fercourse.faces.confound import halves
from fercourse.faces.emotions import UNPLEASANT

from . import made

quickly = settings(max_examples=40, deadline=None)
strengths = st.floats(0, 1)


def agreement(faces, upper, side):
    """Return the share of rows in which both sides agree, in each of the groups of `side`."""
    return [(upper == side)[side == value].float().mean().item() for value in (False, True)]


@quickly
@given(strengths, st.sampled_from(["anger", ("anger", "disgust"), "labels"]), st.integers(0, 3))
def test_the_strength_holds_in_every_class_and_the_classes_stay_equal(strength, label, seed):
    faces = made.faces(700, size=1)
    biased = faces.confound("gender", label, strength, seed)
    words = UNPLEASANT if label == "labels" else (label,) if isinstance(label, str) else label
    counts = biased.labels.bincount(minlength=7)
    assert counts.min() == counts.max() > 30
    for number, word in enumerate(faces.classes):
        upper = biased.attributes["gender"][biased.labels == number] == 1
        agreeing = int((upper == (word in words)).sum())
        assert agreeing == round(strength * int(counts[number]))
    assert len(set(biased.ids.tolist())) == len(biased)


@quickly
@given(strengths, st.sampled_from(["valence", "arousal"]), st.sampled_from(["age", "skin_tone", "gender"]))
def test_the_strength_holds_on_both_sides_of_an_axis(strength, axis, attribute):
    faces = made.faces(500, size=1)
    biased = faces.confound(attribute, axis, strength)
    kept = torch.isin(faces.ids, biased.ids)
    upper, side = (halves(faces.column(name), name)[0][kept] for name in (attribute, axis))
    for value in (False, True):
        assert int((upper == side)[side == value].sum()) == round(strength * int((side == value).sum()))
    assert abs(int(side.sum()) * 2 - len(side)) <= 1                     # half the faces on either side


def test_no_relation_and_a_perfect_one_by_hand():
    tone = torch.tensor([1, 1, 2, 2, 1, 2, 1, 2])
    valence = torch.tensor([-1, -1, 1, 1, 1, -1, 1, -1]).float()
    faces = made.faces(8, attributes={"tone": tone}, valence_arousal=torch.stack([valence, valence], 1))
    assert faces.confound("tone", "valence", 1).ids.tolist() == [1000, 1001, 1002, 1003]
    assert faces.confound("tone", "valence", 0).ids.tolist() == [1004, 1005, 1006, 1007]
    assert len(faces.confound("tone", "valence", 0.5)) == 8


def test_faces_that_are_not_known_stay_out():
    faces = made.faces(200, size=1)
    faces.valence_arousal[:20] = torch.nan
    faces.attributes["age"][20:40] = torch.nan
    faces.attributes["gender"][40:60] = -1
    assert faces.confound("age", "valence", 0.7).ids.min() >= 1040
    drawn = set(faces.confound("gender", "valence", 0.7).ids.tolist())
    assert drawn and not drawn & {*range(1000, 1020), *range(1040, 1060)}
    labels = torch.where(torch.arange(200) < 30, -1, faces.labels)
    assert made.faces(200, size=1, labels=labels).confound("age", "anger", 0.8).ids.min() >= 1030


def test_a_class_that_cannot_keep_its_share_is_named_and_does_not_shrink_the_others():
    faces = made.faces(700, size=1)
    fear = faces.labels == faces.classes.index("fear")
    faces.attributes["gender"][fear] = 0                        # no woman is afraid: none can disagree
    biased = faces.confound("gender", "anger", 0.9)
    assert len(biased.where(labels="fear")) == 0 and len(biased) > 6 * 40
    assert "fewer faces than their share: fear" in biased.notes[-1]


@pytest.mark.parametrize(("attribute", "label", "strength", "message"), [
    ("gender", "anger", 1.5, "strength is 1.5"), ("shoes", "anger", 0.9, "has no 'shoes'"),
    ("gender", "hunger", 0.9, "no class 'hunger'; expected valence"),
    ("flat", "valence", 0.9, "at least two"), ("votes", "anger", 0.9, "votes has several numbers a face; expected"),
    ("gender", "contempt", 0.9, "no class 'contempt'"),
])
def test_bad_requests(attribute, label, strength, message):
    faces = made.faces()
    faces = made.faces(attributes={**faces.attributes, "flat": torch.ones(70)})
    with pytest.raises(InputError, match=message):
        faces.confound(attribute, label, strength)


def test_a_set_without_the_axis_says_so():
    with pytest.raises(InputError, match="has no 'valence'"):
        made.faces(valence_arousal=None).confound("age", "valence")
    with pytest.raises(InputError, match="one side of anger"):
        made.faces().where(labels="anger").confound("age", "anger")


@pytest.mark.parametrize(("values", "upper"), [
    ([3, 3, 5], [0, 0, 1]), ([5, 5, 3], [1, 1, 0]), ([1, 9, 9, 9], [0, 1, 1, 1]),
    ([1, 2, 3, 4], [0, 0, 1, 1]), ([-1, 0, 1], [0, 0, 1]),
    ([False, True, True], [0, 1, 1]), ([0.5, float("nan"), 0.1], [1, 0, 0]),
])
def test_a_column_is_cut_where_it_is_most_even(values, upper):
    assert halves(torch.tensor(values), "x")[0].int().tolist() == upper
