"""Two sets in one: by name, never by number, and nobody becomes somebody else."""

from dataclasses import replace

import pytest
import torch

from fercourse.errors import InputError
from fercourse.faces import SEVEN, concat

from . import made

FACES = made.faces(20)


def test_one_set_in_two_parts_is_itself_again():
    joined = concat(FACES[:8], FACES[8:])
    assert made.same(joined, replace(FACES, true_labels=FACES.labels))
    assert joined.split == "train" and joined.names == FACES.names


def test_classes_and_words_are_matched_by_name():
    other = replace(FACES, names={**FACES.names, "gender": ("woman", "man", "other"), "domain": ("web",) * 2})
    other = other.with_classes(SEVEN[::-1])
    joined = concat(FACES, other)
    assert joined.words("labels") == FACES.words("labels") + other.words("labels")
    assert joined.words("gender") == FACES.words("gender") + other.words("gender")
    assert joined.words("domain")[20:] == ["web"] * 20
    assert torch.equal(joined.votes, torch.cat([FACES.votes, FACES.votes]))


def test_people_of_another_source_stay_other_people():
    other = made.faces(20, name="elsewhere:train")
    other.identity[0] = -1
    joined = concat(FACES, other)
    assert len(joined.people) == 20 and joined.identity[20] == -1
    assert joined.words("identity")[21] == "elsewhere/1"
    assert len(joined.ids.unique()) == 40
    assert len(concat(FACES, replace(FACES, name="made/wild:val", split="val")).people) == 10


def test_people_with_the_same_word_in_two_sources_are_two():
    first, second = (made.faces(20, name=name, names={"identity": tuple(f"S{i}" for i in range(10))})
                     for name in ("one:train", "two:train"))
    joined = concat(first, second, first)
    assert len(joined.people) == 20 and joined.words("identity")[::20] == ["S0", "two/S0", "S0"]


def test_what_one_set_does_not_know_is_unknown():
    nothing = dict.fromkeys(("votes", "valence_arousal", "identity", "landmarks", "visible", "domain"))
    glasses = {"glasses": torch.ones(3, dtype=torch.int64)}
    bare = made.faces(3, **nothing, attributes=glasses, files=(), names={}, name="b:test")
    joined = concat(FACES, bare)
    assert joined.split == "mixed" and joined.name == "made:train + b:test"
    assert joined.valence_arousal[20:].isnan().all() and joined.landmarks[20:].isnan().all()
    assert (joined.identity[20:] == -1).all() and (joined.domain[20:] == -1).all()
    assert joined.votes[20:].sum() == 0 and not joined.visible[20:].any()
    assert joined.attributes["glasses"].tolist() == [-1] * 20 + [1] * 3
    assert joined.files[19:] == ("19.png", "", "", "")
    assert concat(bare, FACES).attributes["age"][:3].isnan().all()


def test_columns_that_mean_other_things_are_left_out_with_a_note():
    other = made.faces(5, landmarks=torch.zeros(5, 68, 2), visible=torch.ones(5, 68, dtype=torch.bool))
    joined = concat(FACES, other)
    assert joined.landmarks is None and joined.visible is None and len(joined) == 25
    assert joined.notes[0].startswith("landmarks left out: made:train and made:train")


def test_noise_and_truth_survive():
    noisy = FACES.with_noise(0.5)
    joined = concat(noisy, FACES)
    assert int((joined.labels != joined.true_labels).sum()) == 10
    assert joined.notes == noisy.notes


@pytest.mark.parametrize(("sets", "message"), [
    ((), "no set"), ((FACES, FACES.with_classes(("anger",))), "choose common ones"),
    ((FACES, FACES.resize(2)), "4 x 4 pixels, made:train of 2 x 2"),
])
def test_sets_that_cannot_be_joined(sets, message):
    with pytest.raises(InputError, match=message):
        concat(*sets)


def test_groups_of_two_sources_stay_apart_and_unknown_ones_unknown():
    groups = torch.tensor([0, 0, 1, -1])
    first, second = (made.faces(4, name=name, attributes={"group": groups}) for name in ("one", "two"))
    assert concat(first, second).attributes["group"].tolist() == [0, 0, 1, -1, 2, 2, 3, -1]
    again = concat(first, replace(first, ids=first.ids + 4)).attributes["group"]
    assert again.tolist() == [0, 0, 1, -1] * 2                            # parts of one set share theirs
