"""People: everything that stays the same from one picture of a person to the next."""

from dataclasses import dataclass, field, replace

import numpy as np

from .head import head
from .units import ExpressionStyle, draw_style

GENDERS = ("woman", "man")  # gender presentation: how the rendered person is made to look, no more

# Monk Skin Tone scale, tones 1 to 10, published sRGB swatches (Monk 2019, skintone.google).
MONK = np.array([[246, 237, 228], [243, 231, 219], [247, 234, 208], [234, 218, 186], [215, 189, 150],
                 [160, 126, 86], [130, 92, 67], [96, 65, 52], [58, 49, 42], [41, 36, 32]]) / 255

HAIR_COLOURS = np.array([[20, 17, 16], [40, 29, 23], [74, 49, 33], [118, 80, 47],
                         [178, 140, 88], [142, 66, 36], [152, 150, 147], [216, 214, 210]]) / 255
IRIS_COLOURS = np.array([[62, 38, 22], [88, 58, 32], [104, 96, 54],
                         [84, 118, 92], [88, 124, 156], [120, 140, 156]]) / 255

HAIR = {  # thickness (dm), curl of the silhouette, strips of long hair down to this height (None: no strips)
    "bald": (0.0, 0, None),
    "buzz": (0.015, 0, None),
    "short": (0.06, 1, None),
    "side": (0.10, 0.6, None),
    "volume": (0.15, 1, None),
    "curly": (0.16, 2.2, None),
    "afro": (0.38, 1.4, None),
    "tied": (0.035, 0.4, None),
    "bob": (0.09, 0.7, 6.45),
    "long": (0.08, 0.6, 5.0),
    "beanie": (0.07, 0.2, None),
    "scarf": (0.05, 0.5, None),
}
_STYLES = {
    "man": dict(bald=0.11, buzz=0.15, short=0.3, side=0.14, volume=0.08, curly=0.07, afro=0.03, long=0.04, beanie=0.05),
    "woman": dict(buzz=0.02, short=0.08, side=0.07, volume=0.1, curly=0.1, afro=0.04, tied=0.15, bob=0.15, long=0.2,
                  beanie=0.03, scarf=0.06),
}

# Shapes that would break the crop, the eyes or the mouth line stay out of the draw.
_BANNED = ("trans-in", "trans-out", "head-age", "head-trans", "head-back", "l-eye-push", "r-eye-push", "pointed",
           "mouth-trans-f", "mouth-trans-b", "trunk")
_FEATURES = ("forehead", "eyebrows", "eyes", "nose", "mouth", "ears", "chin", "cheek", "head", "asym")


@dataclass(frozen=True)
class Person:
    """One synthetic person: shape, surface and manner.

    `gender` is a presentation (0 woman, 1 man), `age` in years, `tone` a position 1…10 on the Monk scale
    (fractions lie between two swatches). `shape` holds mesh weights by name. Colours are sRGB in 0…1.
    """

    number: int
    seed: int
    gender: int
    age: float
    tone: float
    shape: dict[str, float] = field(repr=False)
    manner: ExpressionStyle = field(repr=False)
    hair: str = "short"
    hair_colour: tuple = (0.1, 0.1, 0.1)
    hairline: float = 0.0  # radians: above 0 recedes, below 0 is a fringe
    parting: float = 0.0  # degrees to the person's left at which a fringe opens
    iris: tuple = (0.3, 0.2, 0.1)
    brow: dict = field(default_factory=dict, repr=False)
    lip: float = 0.4
    lip_colour: tuple = (0.7, 0.3, 0.3)
    lashes: float = 0.5
    beard: float = 0.0
    moustache: float = 0.0
    freckles: float = 0.0
    blush: float = 0.5
    gloss: float = 0.2
    creases: float = 0.5
    hollows: float = 1.0  # how dark eye sockets and the sides of the nose are
    folds: float = 0.0  # depth of the folds from nose to mouth in a face at rest
    glasses: bool = False
    cloth: tuple = (0.4, 0.4, 0.5)


def draw_person(number: int, seed: int = 0, **wanted) -> Person:
    """Draw person `number` of a population; the same number and seed give the same person.

    Args:
        wanted: fields fixed beforehand (`age=70`, `tone=9`, `gender=0`, or any other field of `Person`).
    """
    rng = np.random.default_rng([seed, number, 1])
    gender = int(wanted.get("gender", rng.random() < 0.5))
    age = float(wanted.get("age", _draw_age(rng)))
    tone = float(wanted.get("tone", rng.uniform(1, 10)))
    person = Person(number, int(rng.integers(1 << 30)), gender, round(age, 1), round(tone, 2),
                    shape=_draw_shape(rng, gender, age, tone), manner=draw_style(rng),
                    **_draw_looks(rng, gender, age, tone))
    return replace(person, **{k: v for k, v in wanted.items() if k not in ("gender", "age", "tone")})


def _draw_age(rng):
    return np.clip(rng.choice([rng.uniform(3, 16), rng.normal(30, 9), rng.normal(55, 13)], p=[0.2, 0.5, 0.3]), 2, 88)


def _draw_shape(rng, gender, age, tone):
    """Return mesh weights: age and build, then a handful of features from all over the face."""
    weights = {}
    manly = np.clip(gender + rng.normal(0, 0.12), 0, 1)
    child, old = min(1, max(0, (25 - age) / 15)), max(0, (age - 25) / 60)
    baby = 0.7 * min(1, max(0, (9 - age) / 7))
    # The mesh package's three axes of head shape only add variety: loosely tied to tone, never published.
    axes = rng.dirichlet([0.4 + 0.12 * tone, 0.7, 0.4 + 0.12 * (10 - tone)])
    build = rng.normal(0, 0.55)
    for word, share in (("female", 1 - manly), ("male", manly)):
        stages = {"baby": baby * child, "child": (1 - baby) * child, "old": old, "young": 1 - child - old}
        for stage, part in stages.items():
            for axis, amount in zip(("african", "asian", "caucasian"), axes):
                weights[f"macro:{axis}-{word}-{stage}"] = share * part * amount
            size = "maxweight" if build > 0 else "minweight"
            weights[f"macro:universal-{word}-{stage}-averagemuscle-{size}"] = share * part * min(1, abs(build))
    names = [n for n in head().names if n.split(":")[0] in _FEATURES and not any(b in n for b in _BANNED)]
    for name in rng.choice(names, 80, replace=False):
        folder, leaf = str(name).split(":")
        amount = abs(rng.normal(0, 0.14 if folder in ("asym", "head") else 0.38))
        pair = [f"{folder}:l-{leaf[2:]}", f"{folder}:r-{leaf[2:]}"] if leaf[:2] in ("l-", "r-") else [str(name)]
        for each in pair:
            weights[each] = weights.get(each, 0) + amount
    return weights


def _draw_looks(rng, gender, age, tone):
    """Return the fields of `Person` that paint needs."""
    word, dark = GENDERS[gender], tone > 5.5
    styles = {k: v for k, v in _STYLES[word].items() if not (age < 20 and k == "bald")}
    hair = str(rng.choice(list(styles), p=np.array(list(styles.values())) / sum(styles.values())))
    adult_man = gender == 1 and age >= 19
    beard = float(rng.choice([0, 0.15, 0.35, 0.9], p=[0.42, 0.22, 0.16, 0.2])) if adult_man else 0.0
    fringe = hair in ("short", "side", "volume", "bob", "long", "curly") and rng.random() < (0.3 if gender else 0.45)
    recede = max(0, rng.normal(0.02, 0.05)) + (0.14 * max(0, age - 35) / 40 if gender else 0)
    thin = 0.034 if gender else 0.021
    return dict(
        hair=hair, hair_colour=tuple(_draw_hair_colour(rng, age, dark)),
        hairline=-rng.uniform(0.10, 0.27) if fringe else recede, parting=float(rng.normal(0, 25)),
        iris=tuple(IRIS_COLOURS[0 if dark else rng.choice(6, p=[0.3, 0.2, 0.1, 0.1, 0.2, 0.1])]),
        brow=dict(thickness=thin * rng.uniform(0.9, 1.7), lift=rng.normal(0, 0.012), arch=rng.uniform(0.01, 0.05),
                  density=rng.uniform(0.75, 1.0) * (1 - 0.35 * (age > 65))),
        lip=rng.uniform(0.35, 0.65) + (0 if gender or age < 16 else rng.choice([0, 0, 0.2, 0.4])),
        lip_colour=tuple(np.clip([0.72, 0.32, 0.33] + rng.normal(0, 0.07, 3), 0, 1)),
        lashes=0.6 if gender else 0.95,
        beard=beard, moustache=max(beard, float(rng.random() < 0.12)) if adult_man else 0.0,
        freckles=float(max(0, rng.normal(-0.1, 0.5))) if tone < 4.5 else 0.0,
        blush=rng.uniform(0.2, 1), gloss=rng.uniform(0.10, 0.34), creases=rng.uniform(0.05, 0.75),
        glasses=bool(rng.random() < (0.07 if age < 40 else 0.2)), cloth=tuple(rng.uniform(0.05, 0.85, 3)),
        hollows=rng.uniform(0.5, 2.2), folds=max(0, rng.uniform(-0.2, 0.6)) * min(1, age / 20))


def _draw_hair_colour(rng, age, dark):
    colour = HAIR_COLOURS[rng.choice(6, p=[0.85, 0.12, 0.03, 0, 0, 0] if dark else [0.2, 0.22, 0.22, 0.16, 0.13, 0.07])]
    grey = np.clip(max(0, (age - 45) / 35) + rng.normal(0, 0.15), 0, 1) * (age > 38)
    return colour * (1 - grey) + HAIR_COLOURS[7 if rng.random() < 0.4 else 6] * grey
