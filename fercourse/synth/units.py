"""Facial units: which ones make an expression, which FACS action units they are, and how people differ.

A unit is one of the 52 blendshapes of the head (`mouthSmileLeft`, …, in ARKit's naming). `"mouthSmile"` stands
for both sides. A weight of 1 is the modelled pose, weights above 1 go beyond it.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..faces.emotions import SEVEN
from .head import head

# Variants of each expression at intensity 1; the first is the textbook pose. Not all is FACS's: see data/README.md.
RECIPES = {
    "neutral": [{}],
    "happiness": [
        dict(mouthSmile=1.35, cheekSquint=1.0, eyeSquint=0.4, mouthUpperUp=0.5, mouthLowerDown=0.2, jawOpen=0.14),
        dict(mouthSmile=1.4, cheekSquint=1.2, eyeSquint=0.6, mouthUpperUp=0.6, mouthLowerDown=0.3, jawOpen=0.42),
        dict(mouthSmile=1.3, cheekSquint=0.8, mouthDimple=0.5, eyeSquint=0.25, mouthPress=0.15),
        dict(mouthSmile=1.45, cheekSquint=1.3, eyeSquint=0.9, eyeBlink=0.45, mouthUpperUp=0.7, mouthLowerDown=0.35,
             jawOpen=0.65, browOuterUp=0.2),
        dict(mouthSmile=1.2, mouthUpperUp=0.75, mouthLowerDown=0.35, jawOpen=0.08, cheekSquint=0.7, browOuterUp=0.35),
    ],
    "sadness": [
        dict(browInnerUp=1.5, browDown=0.25, mouthFrown=1.2, mouthShrugLower=0.6, eyeBlink=0.2, eyeLookDown=0.3),
        dict(browInnerUp=1.5, mouthFrown=1.1, mouthPucker=0.25, mouthShrugLower=1.0, eyeSquint=0.3, eyeBlink=0.1),
        dict(browInnerUp=0.9, mouthFrown=0.7, eyeBlink=0.45, eyeLookDown=0.7, mouthRollLower=0.25, mouthShrugLower=0.4),
        dict(browInnerUp=1.5, browDown=0.7, eyeSquint=0.9, eyeBlink=0.55, cheekSquint=0.6, mouthFrown=1.0,
             mouthStretch=0.55, mouthLowerDown=0.45, mouthUpperUp=0.3, jawOpen=0.2),
        dict(browInnerUp=1.2, browDown=0.1, mouthFrown=0.9, mouthPress=0.4, eyeBlink=0.25, mouthShrugLower=0.7),
        dict(browInnerUp=1.6, browDown=0.5, eyeSquint=0.8, eyeBlink=0.5, mouthFrown=1.2, mouthStretch=0.4, jawOpen=0.55,
             mouthLowerDown=0.5),
        dict(browInnerUp=1.4, browDown=0.8, eyeSquint=1.0, eyeBlink=0.9, cheekSquint=0.8, noseSneer=0.4, mouthFrown=0.9,
             mouthStretch=0.8, mouthLowerDown=0.7, mouthUpperUp=0.5, jawOpen=0.6),
        dict(browInnerUp=1.0, browDown=0.9, eyeSquint=0.9, eyeBlink=0.8, mouthFrown=1.3, mouthShrugLower=1.0,
             mouthPress=0.4, noseSneer=0.3),
    ],
    "surprise": [
        dict(browInnerUp=1.1, browOuterUp=1.3, eyeWide=1.0, jawOpen=0.7, mouthFunnel=0.3),
        dict(browInnerUp=1.1, browOuterUp=1.3, eyeWide=0.9, jawOpen=0.42, mouthPucker=0.3),
        dict(browInnerUp=1.2, browOuterUp=1.4, eyeWide=1.1, jawOpen=1.05, mouthFunnel=0.35),
        dict(browInnerUp=1.0, browOuterUp=1.2, eyeWide=0.9, mouthPucker=0.35, jawOpen=0.15),
        dict(browInnerUp=0.9, browOuterUp=1.3, eyeWide=0.9, jawOpen=0.75, mouthSmile=0.35, mouthUpperUp=0.3),
    ],
    "fear": [
        dict(browInnerUp=1.6, browOuterUp=0.3, browDown=0.4, eyeWide=1.15, mouthStretch=1.3, jawOpen=0.16,
             mouthLowerDown=0.7, mouthFrown=0.25),
        dict(browInnerUp=1.5, browOuterUp=0.4, browDown=0.3, eyeWide=1.2, mouthStretch=1.1, jawOpen=0.36,
             mouthFrown=0.4, mouthLowerDown=0.4),
        dict(browInnerUp=1.6, browOuterUp=0.5, browDown=0.5, eyeWide=1.1, mouthStretch=0.9, jawOpen=0.75,
             mouthUpperUp=0.3, mouthLowerDown=0.6),
        dict(browInnerUp=1.5, browDown=0.5, eyeWide=1.0, mouthStretch=0.8, mouthPress=0.5, mouthFrown=0.5,
             jawForward=-0.2),
    ],
    "disgust": [
        dict(noseSneer=1.4, mouthUpperUp=1.1, cheekSquint=0.7, eyeSquint=0.5, mouthFrown=0.7, mouthShrugLower=0.7),
        dict(noseSneer=1.2, mouthUpperUp=0.6, eyeSquint=0.6, cheekSquint=0.6, jawOpen=0.4, mouthLowerDown=0.5,
             tongueOut=1.2),
        dict(noseSneer=1.2, eyeSquint=0.6, mouthFrown=1.3, mouthShrugLower=1.2, mouthPress=0.3, cheekSquint=0.4),
        dict(noseSneer=1.3, mouthUpperUp=1.0, mouthFrown=0.9, mouthShrugLower=0.7, browInnerUp=0.4, eyeSquint=0.6,
             eyeBlink=0.3, cheekSquint=0.7, mouthLeft=0.4),
        dict(noseSneer=1.0, mouthFrown=0.8, tongueOut=1.3, jawOpen=0.25, eyeSquint=0.9, eyeBlink=0.4, browOuterUp=0.3),
    ],
    "anger": [
        dict(browDown=1.5, eyeSquint=0.45, eyeWide=0.35, mouthPress=0.9, mouthRollLower=0.4, mouthRollUpper=0.3,
             noseSneer=0.35, mouthShrugLower=0.35, mouthFrown=0.35, jawForward=0.3),
        dict(browDown=1.6, eyeWide=0.5, eyeSquint=0.3, noseSneer=0.9, mouthStretch=0.6, mouthLowerDown=1.0,
             mouthUpperUp=0.8, jawOpen=0.16, mouthFunnel=0.2),
        dict(browDown=1.7, eyeWide=0.3, eyeSquint=0.5, noseSneer=1.0, mouthUpperUp=0.8, mouthLowerDown=0.8,
             mouthStretch=0.4, jawOpen=0.85),
        dict(browDown=1.6, eyeWide=0.6, mouthFrown=0.6, mouthPress=0.6, jawForward=0.3, mouthShrugLower=0.5),
        dict(browDown=1.6, eyeSquint=0.6, noseSneer=0.7, mouthFunnel=0.6, mouthPucker=0.3, jawOpen=0.25,
             mouthLowerDown=0.4),
        dict(browDown=1.6, eyeSquint=0.8, noseSneer=1.1, mouthUpperUp=0.9, mouthLowerDown=0.7, mouthFrown=0.5,
             cheekSquint=0.5, jawOpen=0.3),
        dict(browDown=1.6, eyeSquint=0.8, noseSneer=0.7, mouthUpperUp=0.6, mouthLowerDown=0.6, mouthStretch=0.5,
             jawOpen=1.15),
        dict(browDown=1.6, eyeSquint=0.9, eyeBlink=0.5, noseSneer=0.9, mouthUpperUp=0.8, mouthLowerDown=0.8,
             mouthStretch=0.6, jawOpen=0.65),
        dict(browDown=1.6, eyeSquint=0.9, eyeBlink=0.3, noseSneer=1.2, mouthUpperUp=1.0, mouthLowerDown=0.9,
             mouthStretch=0.5, cheekSquint=0.6, jawOpen=0.08),
        dict(browDown=1.5, eyeSquint=0.9, noseSneer=1.2, mouthUpperUp=0.8, cheekSquint=0.7, mouthFrown=0.6,
             mouthShrugLower=0.3),
    ],
}

# Facial unit -> the nearest FACS action unit by name; its strength is the largest of its units' weights.
FACS = dict(
    browInnerUp=1, browOuterUp=2, browDown=4, eyeWide=5, cheekSquint=6, eyeSquint=7, noseSneer=9,
    mouthUpperUp=10, mouthSmile=12, mouthDimple=14, mouthFrown=15, mouthLowerDown=16, mouthShrugLower=17,
    mouthPucker=18, tongueOut=19, mouthStretch=20, mouthFunnel=22, mouthPress=24, jawOpen=26,
    mouthRollLower=28, mouthRollUpper=28, jawForward=29, jawLeft=30, jawRight=30, cheekPuff=34,
    eyeBlink=43, eyeLookUp=63, eyeLookDown=64)
ACTION_UNITS = tuple(f"AU{number}" for number in sorted(set(FACS.values())))

# Valence and arousal of each class at intensity 1: our choice, in the spirit of the circumplex (Russell 1980).
CIRCUMPLEX = {
    "neutral": (0, 0),
    "happiness": (0.80, 0.45),
    "sadness": (-0.70, -0.35),
    "surprise": (0.15, 0.80),
    "fear": (-0.60, 0.75),
    "disgust": (-0.65, 0.35),
    "anger": (-0.55, 0.75),
}

RESTING = ("browInnerUp", "jawOpen", "mouthPucker", "browDown", "eyeBlink", "eyeSquint", "mouthSmile", "mouthFrown",
           "mouthPress", "browOuterUp", "mouthUpperUp", "mouthStretch", "mouthLeft", "mouthRight", "jawLeft",
           "jawRight")


def sides(unit: str) -> tuple[str, ...]:
    """Return the model's names of a unit: itself, or its left and right half.

    Raises:
        InputError: the head has no such unit.
    """
    known = head().units
    if unit in known:
        return (unit,)
    if unit + "Left" in known:
        return (unit + "Left", unit + "Right")
    pairs = sorted({u.removesuffix("Left").removesuffix("Right") for u in known})
    raise InputError(f"facial unit {unit!r} is unknown; expected one of {', '.join(pairs)} "
                     "(add Left or Right for one side)")


def both_sides(units: dict[str, float]) -> dict[str, float]:
    """Spell out a recipe side by side: `{"mouthSmile": 1}` -> `{"mouthSmileLeft": 1, "mouthSmileRight": 1}`."""
    return {name: float(weight) for unit, weight in units.items() for name in sides(unit)}


@dataclass(frozen=True)
class ExpressionStyle:
    """How one person moves: the same intent looks different on every face.

    Attributes:
        gain: [52] factor on every unit, about 1.
        leaning: class word -> probabilities of its variants.
        resting: unit -> weight that is always there, a little.
    """

    gain: np.ndarray
    leaning: dict[str, np.ndarray]
    resting: dict[str, float]


def draw_style(rng) -> ExpressionStyle:
    """Draw a person's style: gains with a shared and a one-sided part, favourite variants, a resting face."""
    names = head().units
    index = {n: i for i, n in enumerate(names)}
    gain = np.ones(len(names))
    for unit in sorted({n.removesuffix("Left").removesuffix("Right") for n in names}):
        both = rng.lognormal(0, 0.22)
        for side in (unit, unit + "Left", unit + "Right"):
            if side in index:
                gain[index[side]] = np.clip(both * rng.lognormal(0, 0.10), 0.45, 1.6)
    leaning = {word: rng.dirichlet([0.9] * len(variants)) for word, variants in RECIPES.items()}
    resting = {name: abs(rng.normal(0, 0.05)) for unit in RESTING for name in sides(unit)}
    resting.update({name: abs(rng.normal(0, 0.02)) for name in sides("eyeBlink")})
    openness = rng.uniform(-1, 0.5)  # of the eyes: hooded to wide
    resting.update(dict.fromkeys(sides("eyeWide" if openness > 0 else "eyeBlink"), 0.33 * abs(openness)))
    moody = rng.random()  # a few resting faces read as cross or sad
    if moody < 0.05:
        resting.update(both_sides(dict(browDown=rng.uniform(0.25, 0.5), mouthPress=0.15)))
    elif moody < 0.10:
        resting.update(both_sides(dict(mouthFrown=rng.uniform(0.25, 0.5), browInnerUp=0.2, eyeBlink=0.15)))
    return ExpressionStyle(gain, leaning, resting)


def expression(word: str, intensity: float, style: ExpressionStyle | None = None, rng=None, blend: str | None = None,
               share: float = 0.0) -> dict[str, float]:
    """Return unit weights of an expression.

    Args:
        word: the class; `intensity`: 0 is rest, 1 the full pose.
        style: whose face; None gives the textbook pose, exactly the same on both sides.
        rng: jitter, gaze and variant of this one face; None: none of it.
        blend, share: a second class mixed in with this share of the intensity (0 to 0.5).
    """
    weights: dict[str, float] = {}
    for part, strength in ((word, 1 - share), (blend, share)):
        if part is not None and strength > 0:
            for unit, weight in _variant(part, style, rng).items():
                jitter = 1 if rng is None else rng.normal(1, 0.15)
                for name in sides(unit):
                    asymmetry = 1 if rng is None else rng.normal(1, 0.08)
                    weights[name] = weights.get(name, 0) + weight * intensity * strength * jitter * asymmetry
    if style is not None:
        gain = dict(zip(head().units, style.gain))
        weights = {name: weight * gain[name] for name, weight in weights.items()}
        for name, weight in style.resting.items():
            weights[name] = weights.get(name, 0) + weight
    if rng is not None:
        _add_moment(weights, word, rng)
    return {name: round(float(weight), 3) for name, weight in weights.items() if abs(weight) > 5e-4}


def _variant(word, style, rng):
    variants = RECIPES[word]
    if rng is None:
        return variants[0]
    odds = None if style is None else style.leaning[word]
    return variants[rng.choice(len(variants), p=odds)]


def _add_moment(weights, word, rng):
    """Add what any moment has: a small twitch of everything, gaze, speech, a blink."""
    for unit in RESTING:
        for name in sides(unit):
            weights[name] = weights.get(name, 0) + abs(rng.normal(0, 0.035))
    across, upward = rng.normal(0, 0.22), rng.normal(0, 0.15)
    looks = ("eyeLookOutLeft", "eyeLookInRight") if across > 0 else ("eyeLookInLeft", "eyeLookOutRight")
    for name in (*looks, *sides("eyeLookUp" if upward > 0 else "eyeLookDown")):
        weights[name] = weights.get(name, 0) + abs(across if name in looks else upward)
    if word == "neutral" and rng.random() < 0.2:
        weights["jawOpen"] = weights.get("jawOpen", 0) + rng.uniform(0.03, 0.14)
    if rng.random() < 0.03:
        for name in sides("eyeBlink"):
            weights[name] = rng.uniform(0.6, 1)


def action_units(units: dict[str, float]) -> np.ndarray:
    """Return the FACS action units [A] in 0…1, in the order of `ACTION_UNITS`."""
    strength = dict.fromkeys(ACTION_UNITS, 0.0)
    for unit, number in FACS.items():
        strongest = max(units.get(name, 0.0) for name in sides(unit))
        strength[f"AU{number}"] = max(strength[f"AU{number}"], strongest)
    return np.clip(np.float32(list(strength.values())), 0, 1)


def valence_arousal(word: str, intensity: float, blend: str | None = None, share: float = 0.0, rng=None) -> np.ndarray:
    """Return (valence, arousal) in -1…1: the circumplex points of both classes by share, times intensity.

    `v = intensity * ((1 - share) * point(word) + share * point(blend))`, plus normal noise of 0.04 with `rng`.
    """
    point = (1 - share) * np.array(CIRCUMPLEX[word], float)
    if blend is not None:
        point = point + share * np.array(CIRCUMPLEX[blend], float)
    point = point * intensity + (0 if rng is None else rng.normal(0, 0.04, 2))
    return np.clip(point, -1, 1).astype(np.float32)


assert tuple(RECIPES) == SEVEN
