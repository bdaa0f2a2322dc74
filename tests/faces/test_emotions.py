"""Spellings of real sets all lead to the same eight words."""

import pytest

from fercourse.errors import InputError
from fercourse.faces import EMOTIONS, SEVEN, emotion
from fercourse.faces.emotions import LOOKALIKE, UNPLEASANT


@pytest.mark.parametrize(("spelling", "word"), [
    ("Happy", "happiness"), (" HA ", "happiness"), ("joy", "happiness"), ("Angry", "anger"), ("AN", "anger"),
    ("AF", "fear"), ("FE", "fear"), ("Surprised", "surprise"), ("NEUTRAL", "neutral"), ("sad", "sadness"),
    ("Disgusted", "disgust"), ("contempt", "contempt"),
])
def test_spellings(spelling, word):
    assert emotion(spelling) == word


def test_every_word_is_its_own_spelling():
    assert tuple(map(emotion, EMOTIONS)) == EMOTIONS
    assert "contempt" not in SEVEN


@pytest.mark.parametrize("spelling", ["", "bored", 3])
def test_an_unknown_word_names_the_expected_words(spelling):
    with pytest.raises(InputError, match=r"^unknown .* expected one of neutral"):
        emotion(spelling)


def test_lookalikes_are_others():
    assert LOOKALIKE.keys() == set(EMOTIONS)
    assert all(word != other and other in EMOTIONS for word, other in LOOKALIKE.items())
    assert set(UNPLEASANT) < set(EMOTIONS)
