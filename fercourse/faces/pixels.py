"""Some of the faces, or all at another size or without colour; part by part, so that big sets fit in memory."""

import math
import secrets
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch

from ..augment import LUMA, resized
from ..errors import InputError
from .cache import folder, warn_of_memory

PART = 1 << 28                        # bytes of images at a time, as float32
LARGE = 2 << 30                       # bytes of images that are made in memory; more of them lie in a file


def taken(images, rows):
    """Return images[rows] for int64 rows; of a memory-mapped pack too many for the memory stay on the disk."""
    return _by_part(images, len(rows), images.shape[1:], lambda part: images[rows[part]])


def resize(faces, size: int):
    """Return `faces` at size x size pixels (bilinear, antialiased), landmarks moved along.

    Raises:
        InputError: a size below 1.
    """
    if size < 1:
        raise InputError(f"size is {size}; expected at least 1 pixel")
    height, width = faces.images.shape[2:]
    if (height, width) == (size, size):
        return faces
    images = _by_part(faces.images, len(faces), (3, size, size), lambda part: resized(
        faces.images[part], size).round())
    if faces.landmarks is None:
        return replace(faces, images=images)
    scale = torch.tensor([size / width, size / height], device=faces.device)
    return replace(faces, images=images, landmarks=faces.landmarks * scale)


def grey(faces):
    """Return `faces` without colour: luma in all three channels."""
    weights = torch.tensor(LUMA, device=faces.device)[:, None, None]
    return replace(faces, images=_by_part(faces.images, len(faces), faces.images.shape[1:], lambda part: (
        faces.images[part].float() * weights).sum(1, keepdim=True).round()))


def _by_part(like, count, shape, make):
    """Return uint8 [count, *shape] on the device of `like`: `make(part)` of some images at a time."""
    largest = max(math.prod(shape), math.prod(like.shape[1:]))
    step = max(1, PART // (4 * largest))
    parts = [slice(start, min(start + step, count)) for start in range(0, count, step)]
    if like.device.type == "cpu" and count * math.prod(shape) > LARGE:
        try:
            return _in_file((count, *shape), map(make, parts))
        except OSError as error:                             # no room for a file
            warn_of_memory("chosen faces", count * math.prod(shape), error)
    made = like.new_empty(count, *shape)
    for part in parts:
        made[part] = make(part)
    return made


def _in_file(shape, parts):
    """Return the parts together as a memory map of a file that is gone with its last user."""
    folder().mkdir(parents=True, exist_ok=True)
    path = folder() / f"chosen-{secrets.token_hex(8)}.npy"   # the cache tidies up where a file in use cannot be removed
    try:
        with path.open("wb") as file:
            for part in parts:
                file.write(part.byte().expand(-1, *shape[1:]).contiguous().numpy().data)
        return torch.from_numpy(np.memmap(path, np.uint8, "c", shape=shape))
    finally:
        with suppress(OSError):
            path.unlink()
