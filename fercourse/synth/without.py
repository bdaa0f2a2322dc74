"""Leaving things out: what each kind of variety in the faces is worth (see `studies/renderer.py`)."""

from dataclasses import replace

import numpy as np

from .people import Person
from .shots import Light, Shot

WITHOUT = ("manner", "variants", "looks", "camera", "light", "pose", "things")


def plain_person(person: Person, without: str) -> Person:
    """Return the person without one kind of variety: `manner`, `variants` (textbook poses only) or `looks`."""
    manner = person.manner
    if without == "manner":
        even = {word: np.full(len(odds), 1 / len(odds)) for word, odds in manner.leaning.items()}
        calm = dict.fromkeys(manner.resting, 0.0)
        return replace(person, manner=replace(manner, gain=np.ones_like(manner.gain), leaning=even, resting=calm))
    if without == "variants":
        textbook = {word: np.eye(len(odds))[0] for word, odds in manner.leaning.items()}
        return replace(person, manner=replace(manner, leaning=textbook))
    if without == "looks":
        return replace(person, hair="short", hairline=0.0, beard=0.0, moustache=0.0, creases=0.4, glasses=False)
    return person


def plain_shot(shot: Shot, without: str) -> Shot:
    """Return the shot without one kind of variety: `camera`, `light`, `pose` or `things` (occluders, places)."""
    if without == "camera":
        even = dict(exposure=1.0, gamma=1.0, contrast=1.0, grey=False, blur=0.0, coarse=1.0, grain=0.0, jpeg=95)
        return replace(shot, lens=replace(shot.lens, **even))
    if without == "light":
        return replace(shot, light=Light())
    if without == "pose":
        return replace(shot, yaw=0.0, pitch=0.0, roll=0.0)
    if without == "things":
        return replace(shot, occluder="none", backdrop="paper")
    return shot
