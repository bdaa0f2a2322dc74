"""Faces at another size or without colour, part by part so that big sets fit in memory."""

from dataclasses import replace

import torch
from torch.nn.functional import interpolate

from ..errors import InputError

LUMA = (0.299, 0.587, 0.114)          # ITU-R BT.601
PART = 4096                           # faces at a time


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
    images = _by_part(faces.images, (3, size, size), lambda part: interpolate(
        part.float(), (size, size), mode="bilinear", antialias=True).round().clamp(0, 255))
    if faces.landmarks is None:
        return replace(faces, images=images)
    scale = torch.tensor([size / width, size / height], device=faces.device)
    return replace(faces, images=images, landmarks=faces.landmarks * scale)


def grey(faces):
    """Return `faces` without colour: luma in all three channels."""
    weights = torch.tensor(LUMA, device=faces.device)[:, None, None]
    return replace(faces, images=_by_part(faces.images, faces.images.shape[1:], lambda part: (
        part.float() * weights).sum(1, keepdim=True).round()))


def _by_part(images, shape, change):
    """Return uint8 [N, *shape]: `change` of a few thousand images at a time."""
    changed = images.new_empty(len(images), *shape)
    for start in range(0, len(images), PART):
        part = slice(start, start + PART)
        changed[part] = change(images[part]).byte()
    return changed
