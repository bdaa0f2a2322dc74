"""Which variety in the synthetic faces carries over to photographs? Leave each kind out and test on real faces."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import torch

from ..faces import SEVEN, FaceSet
from ..synth.population import Population, row_picture
from ..synth.population_file import one_thread
from ..synth.without import WITHOUT
from . import Scale, study
from .transfer import train_and_test


@study("renderer", data="fer2013", smoke=dict(limit=48), cpu=dict(epochs=30, limit=3360))
def arms(scale: Scale, data, root) -> dict:
    """Render a small population whole and without one kind of variety at a time; train on each, test on `data`."""
    return {word or "everything": partial(_arm, word, scale, data, root) for word in ("", *WITHOUT)}


def _arm(without, scale, data, root, seed):
    return train_and_test(rendered(without, scale.limit, scale.size).grey(), scale, data, root, seed)


def rendered(without: str, count: int, size: int) -> FaceSet:
    """Return `count` synthetic faces of `count / 24` people that leave one kind of variety out, images and labels."""
    population = Population(people=max(3, count // 24), size=size)
    with ProcessPoolExecutor(initializer=one_thread) as pool:
        people = list(pool.map(partial(_person, population, without), range(population.people)))
    images, labels = (torch.from_numpy(np.concatenate(part)) for part in zip(*people))
    return FaceSet(images=images, labels=labels, classes=SEVEN, ids=torch.arange(len(labels)),
                   name=f"rendered without {without or 'nothing'}:train")


def _person(population, without, number):
    rows = [row_picture(population, number, shot, without=without)[1:] for shot in range(population.per_person)]
    images = np.stack([picture.image.transpose(2, 0, 1) for _, picture in rows])
    return images, np.array([SEVEN.index(shot.word) for shot, _ in rows])
