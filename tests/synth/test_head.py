"""The head model: its parts, its landmarks, its units."""

import numpy as np
import pytest

from fercourse.errors import InputError
from fercourse.faces.emotions import SEVEN
from fercourse.synth.head import head
from fercourse.synth.units import (
    ACTION_UNITS,
    CIRCUMPLEX,
    FACS,
    RECIPES,
    action_units,
    both_sides,
    draw_style,
    expression,
    sides,
    valence_arousal,
)


def test_head_has_52_units_and_68_landmarks_in_ibug_order():
    model = head()
    assert len(model.units) == 52
    points = model.template[model.landmarks]
    assert len(set(model.landmarks.tolist())) == 68
    assert (points[:8, 0] < -0.1).all() and (points[9:17, 0] > 0.1).all()  # jaw from the person's right to left
    assert points[36:42, 0].max() < 0 < points[42:48, 0].min()  # right eye first
    assert points[51, 1] > points[62, 1] > points[66, 1] > points[57, 1] > points[8, 1]  # upper lip … lower lip, chin
    assert points[30, 2] == points[:, 2].max()  # the nose tip is foremost
    mirror = [16 - i for i in range(17)]
    assert np.abs(points[mirror] * [-1, 1, 1] - points[:17]).max() < 0.02


def test_zero_weights_give_the_base_and_units_are_linear():
    model = head()
    assert np.array_equal(model.vertices({}), model.base)
    once, twice = (model.vertices({"unit:jawOpen": w}) - model.base for w in (1, 2))
    assert np.allclose(twice, 2 * once, atol=1e-5)


def test_jaw_opens_the_lips():
    model = head()
    gap = [
        v[model.landmarks[62], 1] - v[model.landmarks[66], 1]
        for v in (model.base, model.vertices({"unit:jawOpen": 1.0}))
    ]
    assert gap[1] > gap[0] + 0.2


def test_every_recipe_and_action_unit_names_real_units():
    for word, variants in RECIPES.items():
        for recipe in variants:
            assert both_sides(recipe) or word == "neutral"
    assert all(sides(unit) for unit in FACS)
    with pytest.raises(InputError, match=r"mouthSmirk.*expected one of"):
        sides("mouthSmirk")


def test_textbook_pose_is_symmetric_and_scales_with_intensity():
    half, full = expression("happiness", 0.5), expression("happiness", 1.0)
    assert full["mouthSmileLeft"] == full["mouthSmileRight"] == pytest.approx(1.35)
    assert half["mouthSmileLeft"] == pytest.approx(1.35 / 2, abs=1e-3)
    assert expression("neutral", 1.0) == {}


def test_two_people_show_the_same_intent_differently():
    faces = [expression("anger", 1.0, draw_style(np.random.default_rng(seed))) for seed in (0, 1)]
    shared = set(faces[0]) & set(faces[1])
    assert max(abs(faces[0][u] - faces[1][u]) for u in shared) > 0.2


def test_action_units_take_the_strongest_side_and_stop_at_one():
    strength = dict(
        zip(ACTION_UNITS, action_units({"mouthSmileLeft": 0.3, "mouthSmileRight": 0.5, "browDownLeft": 1.4}))
    )
    assert strength["AU12"] == pytest.approx(0.5) and strength["AU4"] == 1 and strength["AU1"] == 0


def test_valence_and_arousal_by_hand():
    assert np.allclose(valence_arousal("happiness", 0.5), [0.4, 0.225])
    mixed = valence_arousal("fear", 1.0, "sadness", 0.25)
    assert np.allclose(mixed, 0.75 * np.array(CIRCUMPLEX["fear"]) + 0.25 * np.array(CIRCUMPLEX["sadness"]))
    assert all(np.abs(valence_arousal(word, 1.25)).max() <= 1 for word in SEVEN)
