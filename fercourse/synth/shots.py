"""Shots: what changes from one picture of a person to the next — expression, pose, light, place, lens."""

from dataclasses import dataclass, field

import numpy as np

from ..faces.emotions import SEVEN
from .backdrop import BACKDROPS
from .people import Person
from .props import OCCLUDERS
from .units import expression, valence_arousal

DOMAINS = ("lab", "wild")
NODS = {"sadness": 6, "anger": 4, "surprise": -3, "fear": -2, "happiness": -1}   # degrees: a choice of ours
LIGHTS = ("even", "side", "top", "low", "back", "dim")


@dataclass(frozen=True)
class Light:
    """A key light from `direction` (towards it) with linear RGB `key`, and sky and ground light around."""

    word: str = "even"
    direction: tuple = (0.25, 0.45, 0.85)
    key: tuple = (2.2, 2.15, 2.1)
    sky: tuple = (0.75, 0.78, 0.80)
    ground: tuple = (0.35, 0.33, 0.32)


@dataclass(frozen=True)
class Lens:
    """What camera and file do to the picture; `blur`, `coarse` in shares of the picture's width."""

    distance: float = 9.0  # decimetres from the middle of the head
    shift: tuple = (0.0, 0.0)  # of the crop, in half widths
    zoom: float = 1.0
    tilt: float = 0.0  # degrees by which the crop is turned after alignment
    exposure: float = 1.0
    gamma: float = 1.0
    contrast: float = 1.0
    grey: bool = False
    blur: float = 0.0
    coarse: float = 1.0  # resampled to this share of its size and back
    grain: float = 0.0  # grey levels
    jpeg: int = 95


@dataclass(frozen=True)
class Shot:
    """One picture of one person, decided but not yet rendered. Angles in degrees."""

    domain: str = "lab"
    word: str = "neutral"
    intensity: float = 1.0
    blend: str | None = None
    share: float = 0.0
    units: dict[str, float] = field(default_factory=dict)
    valence_arousal: tuple = (0.0, 0.0)
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    light: Light = field(default_factory=Light)
    lens: Lens = field(default_factory=Lens)
    backdrop: str = "paper"
    occluder: str = "none"
    seed: tuple = (0,)  # of the noise in rendering


def draw_shot(person: Person, number: int, domain: str, word: str, seed: int = 0) -> Shot:
    """Draw shot `number` of a person; the same arguments give the same shot."""
    rng = np.random.default_rng([seed, person.number, number, 2])
    intensity, blend, share = _draw_intent(word, domain, rng)
    units = expression(word, intensity, person.manner, rng, blend, share)
    feeling = valence_arousal(word, intensity, blend, share, rng)
    scene = _lab(rng) if domain == "lab" else _wild(person, word, rng)
    return Shot(domain, word, intensity, blend, share, units, tuple(float(x) for x in feeling.round(3)),
                seed=(seed, person.number, number, 3), **scene)


def shot_words(person: int, count_wild: int, count_lab: int, seed: int) -> list[tuple[str, str]]:
    """Return (domain, class) of each of a person's shots: every class as often as possible, in random order."""
    rng = np.random.default_rng([seed, person, 4])
    return [(domain, SEVEN[k])
            for domain, count in (("wild", count_wild), ("lab", count_lab)) for k in _even(count, rng)]


def _even(count, rng):
    rounds = [rng.permutation(len(SEVEN)) for _ in range(-(-count // len(SEVEN)))]
    return np.concatenate(rounds)[:count] if rounds else []


def _draw_intent(word, domain, rng):
    """Return intensity, blended class and its share: posed in the lab; faint, full and mixed in the wild."""
    if domain == "lab":
        return round(float(rng.uniform(0.6, 1.1)), 3), None, 0.0
    kind = rng.choice(["faint", "usual", "strong"], p=[0.06, 0.44, 0.50])
    intensity = {"faint": rng.uniform(0.15, 0.4), "usual": rng.uniform(0.5, 0.95),
                 "strong": rng.uniform(0.95, 1.35)}[kind]
    if word == "neutral" or rng.random() > 0.15:
        return round(float(intensity), 3), None, 0.0
    others = [w for w in SEVEN[1:] if w != word]
    return round(float(intensity), 3), str(rng.choice(others)), round(float(rng.uniform(0.15, 0.42)), 3)


def _lab(rng):
    level = rng.uniform(0.9, 1.1)
    light = Light("even", (rng.normal(0, 0.12), 0.4, 0.9), (1.9 * level,) * 3, (0.85 * level,) * 3, (0.45 * level,) * 3)
    yaw, pitch, roll = rng.normal(0, 2, 3)
    lens = Lens(distance=12, shift=tuple(rng.normal(0, 0.015, 2)), zoom=rng.normal(1, 0.02), grey=True, grain=1.5,
                jpeg=92)
    return dict(yaw=yaw, pitch=pitch, roll=roll, light=light, lens=lens, backdrop="paper", occluder="none")


def _wild(person, word, rng):
    near = rng.random() < 0.6
    bowed = NODS.get(word, 0)
    yaw, pitch, roll = rng.normal(0, (10, 7, 7) if near else (24, 11, 12))
    return dict(yaw=float(np.clip(yaw, -50, 50)), pitch=float(np.clip(pitch + bowed, -28, 28)),
                roll=float(np.clip(roll, -35, 35)), light=_draw_light(rng), lens=_draw_lens(rng),
                occluder=_draw_occluder(person, rng),
                backdrop=str(rng.choice(list(BACKDROPS), p=[0.16, 0.13, 0.2, 0.26, 0.17, 0.08])))


def _draw_light(rng):
    word = str(rng.choice(LIGHTS, p=[0.34, 0.2, 0.14, 0.06, 0.1, 0.16]))
    azimuth = {"side": rng.choice([-1, 1]) * rng.uniform(0.8, 1.6), "back": rng.choice([-1, 1]) * rng.uniform(1.5, 2.3)}
    across = azimuth.get(word, rng.normal(0, 0.45))
    up = {"top": rng.uniform(0.9, 1.6), "low": rng.uniform(-0.9, -0.3)}.get(word, rng.normal(0.35, 0.25))
    forward = -0.25 if word == "back" else rng.uniform(0.35, 1)
    key = rng.uniform(0.5, 1.0) if word == "dim" else rng.uniform(1.3, 3.0)
    fill = rng.uniform(0.12, 0.3) if word == "dim" else rng.uniform(0.25, 0.85)
    warm = rng.normal(0, 0.12)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    return Light(
        word,
        (float(across), float(up), float(forward)),
        tuple(key * tint * rng.normal(1, 0.06, 3)),
        tuple(fill * (2 - tint) * rng.normal(1, 0.08, 3)),
        tuple(fill * rng.uniform(0.3, 0.8) * rng.normal(1, 0.1, 3)),
    )


def _draw_lens(rng):
    soft = rng.random()
    return Lens(
        distance=rng.uniform(5.5, 14), shift=tuple(rng.normal(0, 0.06, 2)),
        zoom=float(np.clip(rng.normal(0.98, 0.11), 0.7, 1.3)), tilt=rng.normal(0, 3),
        exposure=float(np.exp(rng.normal(0, 0.28))), gamma=rng.uniform(0.85, 1.2), contrast=rng.uniform(0.95, 1.7),
        grey=bool(rng.random() < 0.12), blur=rng.uniform(0.002, 0.014) if soft < 0.4 else 0.0,
        coarse=rng.uniform(0.35, 0.8) if 0.4 <= soft < 0.6 else 1.0, grain=rng.uniform(0, 6),
        jpeg=int(rng.integers(30, 95)))


def _draw_occluder(person, rng):
    draw = rng.random()
    if person.glasses and draw < 0.8:
        return "glasses"
    return str(rng.choice(OCCLUDERS, p=[0.745, 0.03, 0.03, 0.025, 0.10, 0.03, 0.04]))
