"""A population: people x shots -> rows with every ground truth.

Each row can be rendered again alone from `person` and `shot` (and the seed in the manifest): see `row_picture`.
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np

from ..errors import InputError
from ..faces.emotions import SEVEN
from .annotators import majority, vote_shares, votes
from .head import head
from .people import GENDERS, draw_person
from .picture import render
from .shots import draw_shot, shot_words
from .units import action_units
from .without import plain_person, plain_shot

VERSION = 2  # of the recipe: the same version and seed mean the same faces
SHARE_WILD = 0.625
SPLITS = {"train": 0.715, "val": 0.095, "test": 0.19}
COVERED = {"none": 1.0, "glasses": 0.9, "lettering": 0.9, "sunglasses": 0.55, "object": 0.7, "hand": 0.55, "mask": 0.35}


@dataclass(frozen=True)
class Population:
    """What to render: the same numbers give the same faces."""

    people: int = 420
    per_person: int = 24
    size: int = 64
    seed: int = 0
    quality: int = 80  # of the WebP pictures in the file

    def __post_init__(self):
        for name, low, high in (("people", 3, 10**6), ("per_person", 1, 900), ("size", 16, 1024),
                                ("seed", 0, 2**63 - 1), ("quality", 1, 100)):
            if not low <= getattr(self, name) <= high:
                raise InputError(f"{name.replace('_', '-')} is {getattr(self, name)}; expected {low} to {high}")

    def split_of(self, person: int) -> str:
        """Return the split of a person: people, never faces, are dealt."""
        bounds = np.cumsum([share * self.people for share in SPLITS.values()])
        return list(SPLITS)[min(int(np.searchsorted(np.round(bounds), person, side="right")), 2)]


def row_picture(population: Population, person: int, shot: int, size=None, engine="auto", without=""):
    """Render one row of a population alone; returns (Person, Shot, Picture).

    `without` leaves one kind of variety out: see `without.WITHOUT`.
    """
    wild = round(population.per_person * SHARE_WILD)
    words = shot_words(person, wild, population.per_person - wild, population.seed)
    who = plain_person(draw_person(person, population.seed), without)
    taken = plain_shot(draw_shot(who, shot, *words[shot], population.seed), without)
    return who, taken, render(who, taken, size or population.size, engine)


def describe_row(population: Population, number: int, shot_number: int) -> dict:
    """Return one row: the picture and everything that is true of it."""
    person, shot, picture = row_picture(population, number, shot_number)
    rng = np.random.default_rng([population.seed, number, shot_number, 5])
    crowd = vote_shares(SEVEN.index(shot.word), shot.intensity,
                        COVERED[shot.occluder] * (0.75 if shot.light.word == "dim" else 1), rng,
                        SEVEN.index(shot.blend) if shot.blend else None, shot.share, _resting_pull(person))
    counted = votes(crowd, rng)
    one = SEVEN[int(rng.choice(len(SEVEN), p=counted / counted.sum()))]
    towards = np.float64(shot.light.direction)
    return dict(
        id=number * 1000 + shot_number, split=population.split_of(number),
        image=dict(bytes=_encode(picture.image, population.quality), path=None),
        label=shot.word, domain=shot.domain, person=number, shot=shot_number,
        intensity=shot.intensity, blend=shot.blend, blend_share=shot.share,
        valence=shot.valence_arousal[0], arousal=shot.valence_arousal[1],
        votes=counted.astype(np.uint8), majority=SEVEN[majority(counted)], single=one,
        units=np.float16([shot.units.get(n, 0.0) for n in head().units]),
        action_units=action_units(shot.units).astype(np.float16),
        landmarks=picture.landmarks.astype(np.float16).ravel(), visible=picture.visible,
        yaw=round(shot.yaw, 1), pitch=round(shot.pitch, 1), roll=round(shot.roll, 1),
        occluder=shot.occluder, light=shot.light.word,
        light_across=round(float(np.degrees(np.arctan2(towards[0], towards[2]))), 1),
        light_up=round(float(np.degrees(np.arctan2(towards[1], np.hypot(towards[0], towards[2])))), 1),
        backdrop=shot.backdrop, age=round(person.age, 1), gender=GENDERS[person.gender],
        skin_tone=int(np.clip(round(person.tone), 1, 10)), hair=person.hair)


def _resting_pull(person):
    """Return how strongly the resting face reads as a class: cross brows as anger, a low mouth as sadness."""
    resting = person.manner.resting
    return {
        SEVEN.index("anger"): 5 * max(0, resting["browDownLeft"] - 0.2),
        SEVEN.index("sadness"): 5 * max(0, resting["mouthFrownLeft"] - 0.2),
    }


def _encode(image, quality):
    from PIL import Image

    file = BytesIO()
    Image.fromarray(image).save(file, "WEBP", quality=quality, method=6)
    return file.getvalue()
