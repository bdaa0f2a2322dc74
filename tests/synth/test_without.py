"""Leaving one kind of variety out changes that and nothing else."""

import pytest

from fercourse.studies.renderer import rendered
from fercourse.synth.people import draw_person
from fercourse.synth.shots import Light, draw_shot
from fercourse.synth.units import RECIPES, sides
from fercourse.synth.without import WITHOUT, plain_person, plain_shot


def test_what_is_left_out_is_out_and_the_rest_stays():
    person = draw_person(4)
    shot = draw_shot(person, 1, "wild", "anger")
    assert plain_shot(shot, "light").light == Light() and plain_shot(shot, "light").lens == shot.lens
    assert plain_shot(shot, "pose").yaw == 0 and plain_shot(shot, "pose").light == shot.light
    assert plain_shot(shot, "things").occluder == "none"
    camera = plain_shot(shot, "camera").lens
    assert (camera.contrast, camera.grain) == (1, 0) and camera.zoom == shot.lens.zoom
    assert plain_person(person, "looks").hair == "short" and plain_person(person, "looks").shape == person.shape
    assert plain_person(person, "") is person and plain_shot(shot, "") is shot


def test_without_variants_everybody_strikes_the_textbook_pose():
    person = plain_person(draw_person(4), "variants")
    shot = draw_shot(person, 1, "lab", "surprise")
    textbook = {name for unit in RECIPES["surprise"][0] for name in sides(unit)}
    strong = {name for name, weight in shot.units.items() if weight > .35 and not name.startswith("eyeLook")}
    assert strong <= textbook


def test_without_manner_two_people_move_alike():
    a, b = (plain_person(draw_person(n), "manner").manner for n in (1, 2))
    assert (a.gain == b.gain).all() and set(a.resting.values()) == {0.0}


def test_rendered_faces_are_a_training_set():
    pytest.importorskip("embreex")
    faces = rendered("things", 72, 24)
    assert len(faces) == 72 and faces.images.shape[1:] == (3, 24, 24) and "things" in WITHOUT
