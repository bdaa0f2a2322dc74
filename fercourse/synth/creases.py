"""Creases: lines that movement, years and a person's own folds draw into the skin."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Crease:
    """A mirrored line in template (x, y), the units that deepen it, how much age alone draws it.

    `at_rest` names the field of a person that draws it in a face that does not move.
    """

    line: list
    movers: tuple
    with_age: float
    at_rest: str = ""


CREASES = [
    Crease([(0.17, 6.93), (0.24, 6.83), (0.30, 6.72), (0.33, 6.60)], ("mouthSmile", "noseSneer", "mouthUpperUp"), 0.5,
           at_rest="folds"),
    Crease([(0.045, 7.36), (0.055, 7.43), (0.05, 7.50)], ("browDown",), 0.2),
    Crease([(0, 7.63), (0.18, 7.645), (0.38, 7.62)], ("browInnerUp", "browOuterUp"), 0.45),
    Crease([(0, 7.73), (0.18, 7.74), (0.40, 7.71)], ("browInnerUp", "browOuterUp"), 0.4),
    Crease([(0.50, 7.30), (0.58, 7.33)], ("cheekSquint", "eyeSquint"), 0.5),
    Crease([(0.50, 7.26), (0.58, 7.235)], ("cheekSquint", "eyeSquint"), 0.5),
    Crease([(0.19, 7.20), (0.28, 7.155), (0.38, 7.16), (0.45, 7.20)], ("eyeSquint", "cheekSquint"), 0.5),
    Crease([(0.06, 7.19), (0.085, 7.24)], ("noseSneer",), 0),
    Crease([(0, 7.33), (0.06, 7.345)], ("noseSneer", "browDown"), 0.05),
    Crease([(0.27, 6.57), (0.29, 6.45)], ("mouthFrown", "mouthStretch"), 0.35),
    Crease([(0, 6.40), (0.12, 6.385)], ("mouthShrugLower", "mouthPress"), 0.15),
]


def crease_depth(x, y, person, units: dict[str, float]) -> np.ndarray:
    """Return [R] how deep the creases are at mirrored template points x, y [R]; 0 is smooth, 1 or more deep."""
    years = np.clip((person.age - 30) / 50, 0, 1)
    depth = np.zeros(len(x), np.float32)
    for crease in CREASES:
        moved, aged = min(1.2, _strongest(units, crease.movers)), crease.with_age * years * 0.8
        at_rest = getattr(person, crease.at_rest) if crease.at_rest else 0
        amount = max(at_rest, min(1, (0.42 + 0.45 * years) * moved + aged))
        if amount > 0.05:
            depth = np.maximum(depth, amount * np.exp(-((_distance(x, y, crease.line) / 0.014) ** 2)))
    return depth


def _strongest(units, names):
    return max(units.get(n + side, 0.0) for n in names for side in ("", "Left", "Right"))


def _distance(x, y, line):
    """Return how far points lie from a polyline."""
    nearest = np.full(x.shape, 9, np.float32)
    for (ax, ay), (bx, by) in pairwise(line):
        dx, dy = bx - ax, by - ay
        t = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - ax - t * dx, y - ay - t * dy))
    return nearest
