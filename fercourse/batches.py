"""Batches without a data loader: faces stay uint8 on the device, their order follows from (seed, epoch)."""

import warnings

import torch
from torch import Tensor

from . import augment
from .device import layout, sent
from .distributed import rank, share, world
from .errors import InputError
from .methods.base import Batch
from .seeds import derive, generator

_ROOM = 0.5                       # share of the device's free memory that images may take


class Extra(dict):
    """What a batch carries beside labels, by name; a name that `needs` lacks is told in one sentence."""

    def __missing__(self, name):
        raise InputError(f"batch.extra has no {name!r}; it has {', '.join(self) or 'nothing'}; expected {name!r} among "
                         "the method's needs" + ("" if name != "labels" else ", and batch.labels here"))


class Stream:
    """An endless row of batches; batch `number` can be made at any time, without those before it.

    A walk is one shuffled pass through the set. Its last, ragged batch is left out, so that every step of
    every process has the same size. A set that is smaller than a batch gives smaller batches.
    """

    def __init__(self, faces, views, needs, batch_size, seed, device, name="source"):
        size = min(batch_size, len(faces) // world() * world())
        if size == 0 or batch_size % world():
            raise InputError(f"{faces.name}: {len(faces)} faces in batches of {batch_size} over "
                             f"{world()} processes; expected a face for each, and batches they divide")
        self.faces, self.views, self.size, self.seed, self.name = faces, views, size, seed, name
        self.device, self.steps, self.walk = device, len(faces) // size, None
        self.images = resident(faces.images, device)
        self.labelled = "labels" in needs
        self.extra = Extra({need: faces.column(need).to(device) for need in needs if need != "labels"})
        self._check()

    def _check(self):
        """Refuse faces without what is learnt; warn of those without something else that a batch carries."""
        lacking = {name: column.isnan() if column.is_floating_point() else column < 0
                   for name, column in self.extra.items()
                   if column.is_floating_point() or self.faces.vocabulary(name) is not None}
        if self.labelled:
            lacking["labels"] = self.faces.labels < 0
        for name, missing in lacking.items():
            count = int(missing.flatten(1).any(1).sum() if missing.ndim > 1 else missing.sum())
            if count and name in ("labels", "valence_arousal"):
                raise InputError(f"{self.faces.name}: {count} of {len(self.faces)} faces have no {name}; "
                                 "choose those that have, with faces.subset(…)")
            if count and rank() == 0:
                mark = "NaN" if self.extra[name].is_floating_point() else "-1"
                warnings.warn(f"{self.faces.name}: {count} of {len(self.faces)} faces have no {name}; forward gets "
                              f"{mark} for them, and must leave them out of its loss", stacklevel=2)

    def batch(self, number: int, labels: Tensor | None = None) -> Batch:
        """Return this process's share of batch `number`, counted from the beginning of the training.

        Args:
            labels: int64 [N], the labels in use; the batch takes its rows.
        """
        walk, step = divmod(number, self.steps)
        order, tables = self._plan(walk)
        places = share(torch.arange(step * self.size, (step + 1) * self.size))
        rows = order[places]
        index = sent(rows, self.device)
        images = self.take(rows, index)
        views = torch.stack([self._laid_out(augment.apply(images, table[places])) for table in tables])
        return Batch(index, views, labels[index] if self.labelled and labels is not None else None,
                     Extra({name: column[index] for name, column in self.extra.items()}))

    def take(self, rows: Tensor, index: Tensor) -> Tensor:
        """Return uint8 images on the device: gathered there if the set lives there, else on the host."""
        if self.images.device == index.device:
            return self.images[index]
        images = self.images[rows]
        pinned = self.device.type == "cuda" and images.device.type == "cpu"           # others are copied while all wait
        return sent(images.pin_memory() if pinned else images, self.device)

    def _laid_out(self, pixels):
        return pixels.contiguous(memory_format=layout(self.device))

    def _plan(self, walk):
        """Return the order of a walk and its augmentation tables; kept until the next walk."""
        if self.walk != walk:
            count = len(self.faces)
            self.order = torch.randperm(count, generator=generator("order", self.name, self.seed, walk))
            seed = derive("views", self.name, self.seed)
            self.tables = [augment.draw(preset, count, seed, walk, v) for v, preset in enumerate(self.views)]
            self.walk = walk
        return self.order, self.tables


def resident(images: Tensor, device: torch.device) -> Tensor:
    """Return the images on a CUDA or MPS device if they fit there with room to spare, else where they are."""
    if device.type == "cpu" or images.device == torch.empty(0, device=device).device:           # with its number
        return images
    return images if device.type == "cuda" and images.nbytes > _ROOM * _free(device) else images.to(device)


def _free(device):
    """Return the bytes free on a CUDA device, those that torch keeps for itself and does not use among them."""
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused
