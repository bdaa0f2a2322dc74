"""`render_face`: one face from named units, fast enough for a slider."""

import math
from functools import lru_cache

import numpy as np

from ..errors import InputError
from ..faces.emotions import SEVEN
from .people import draw_person
from .picture import render
from .props import OCCLUDERS
from .shots import Lens, Light, Shot
from .units import both_sides, expression


@lru_cache(maxsize=64)
def _person(number, seed):
    return draw_person(number, seed)


def render_face(units: dict[str, float] | None = None, person: int = 0, yaw: float = 0, pitch: float = 0,
                roll: float = 0, size: int = 128, expression_word: str | None = None, intensity: float = 1.0,
                occluder: str = "none", light: Light | None = None, seed: int = 0, engine: str = "auto") -> np.ndarray:
    """Return a picture of one synthetic person: uint8 RGB [size, size, 3].

    Args:
        units: facial unit -> weight, such as `{"mouthSmile": 0.8}`; a name without Left or Right moves both sides.
        person: number of the person, as in `synthfaces` when `seed` is 0.
        yaw, pitch, roll: degrees to the person's left, down, and towards the right shoulder; half of a roll is
            straightened again, as face detectors do.
        expression_word: a class whose textbook pose at `intensity` is taken where `units` says nothing.
        intensity: of that pose, 0 at rest to 1.
        size: pixels on a side, 16 to 1024.
        occluder: what stands before the face, one of `props.OCCLUDERS`, such as `glasses` or `hand`.
        light: a `Light`; default: an even one.
        seed: of the population that the person is of; engine: `auto`, `embree` or `zbuffer`.

    Raises:
        InputError: an unknown unit, class, occluder or engine, or a number that makes no picture.
    """
    _check(person, size, occluder, {"yaw": yaw, "pitch": pitch, "roll": roll, **(units or {})})
    weights = {}
    if expression_word is not None:
        if expression_word not in SEVEN:
            raise InputError(f"expression {expression_word!r} is unknown; expected one of {', '.join(SEVEN)}")
        weights.update(expression(expression_word, intensity))
    weights.update(both_sides(units or {}))
    shot = Shot(units=weights, yaw=yaw, pitch=pitch, roll=roll, light=light or Light(), lens=Lens(jpeg=100),
                occluder=occluder, seed=(seed, person, 0, 6))
    return render(_person(person, seed), shot, size, engine).image


def _check(person, size, occluder, numbers):
    if occluder not in OCCLUDERS:
        raise InputError(f"occluder {occluder!r} is unknown; expected one of {', '.join(OCCLUDERS)}")
    if not 16 <= size <= 1024:
        raise InputError(f"size is {size}; expected 16 to 1024 pixels")
    if person < 0:
        raise InputError(f"person is {person}; expected 0 or more")
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise InputError(f"{name} is {number}; expected a finite number")
