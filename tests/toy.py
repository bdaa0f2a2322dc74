"""Drawn sets of faces for tests: the class decides which quarter of the picture is bright."""

import torch

from fercourse.augment import Preset
from fercourse.faces import FaceSet
from fercourse.methods import create
from fercourse.train import fit

CLASSES = ("neutral", "happiness", "sadness", "surprise")
STILL = (Preset(brightness=0.1),)         # quarters mean something, so nothing is moved or mirrored


def toy_faces(count=64, size=32, seed=0, name="toy", **columns):
    """Return faces of four classes, a person for every four of them, with valence and arousal."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (count,), generator=generator)
    images = torch.randint(0, 80, (count, 3, size, size), generator=generator)
    half = size // 2
    for image, label in zip(images, labels.tolist()):
        image.unfold(1, half, half).unfold(2, half, half)[:, label // 2, label % 2] += 100
    affect = torch.stack([labels // 2 - 0.5, labels % 2 - 0.5], 1).float()
    return FaceSet(images.byte(), labels, CLASSES, torch.arange(count), name=name,
                   **{"valence_arousal": affect, "identity": torch.arange(count) // 4, **columns})


def toy_method(faces, name="baseline", **hyper):
    """Return a method with weights that follow from a fixed seed."""
    torch.manual_seed(0)
    method = create(name, faces, **hyper)
    method.views = STILL * len(method.views)
    return method


def fitted(name="baseline", change=None, **options):
    """Return a method trained on drawn faces, and for others if it adapts.

    Args:
        change: takes the method before its training.
        options: of `fit`.
    """
    faces = toy_faces(32)
    method = toy_method(faces, name)
    if change:
        change(method)
    target = toy_faces(32, seed=1) if method.target_views else None
    fit(method, faces, target=target, **{"epochs": 2, "batch_size": 16, "quiet": True, **options})
    return method


class Stop(Exception):
    """What ends a training in the middle."""


def stopping(method, count):
    """Let a method's training end in `Stop` after so many steps; None lets it go on."""
    steps, own = iter(range(1, 1000)), method.after_step

    def after_step():
        own()
        if next(steps) == count:
            raise Stop
    method.after_step = after_step
    return method
