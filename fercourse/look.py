"""Looking at a whole set in evaluation mode: what `start_epoch`, evaluation and pictures begin with."""

from contextlib import contextmanager

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .contract import called, check_seen
from .device import autocast, sent
from .distributed import gather_parts, rank, world
from .errors import InputError


@torch.no_grad()
def see_all(method, images: Tensor, what=("embedding", "logits"), rows: Tensor | None = None, half=None,
            batch_size: int = 512) -> dict[str, Tensor]:
    """Return what the method sees in uint8 images [N, 3, H, W], in evaluation mode, float32 on its device.

    Args:
        what: names among those of `method.see`, and `loss` for the loss of each training face.
        rows: int64 of consecutive rows to look at (default: all).
        half: type for autocast.

    Raises:
        InputError: no image, or answers that `contract.check_seen` refuses.
    """
    rows = torch.arange(len(images)) if rows is None else rows
    if not len(rows):
        raise InputError(f"{called(method)}: there is no face to look at; expected at least one")
    parts = {name: [] for name in what}
    with evaluating(method), autocast(method.device, half):
        for part in tqdm(rows.split(batch_size), "looking", unit="batch", leave=False, delay=2):
            for name, seen in _see(method, images, part, what).items():
                parts[name].append(seen.float())
    return {name: torch.cat(pieces) for name, pieces in parts.items()}


@contextmanager
def evaluating(network):
    """Put a network into evaluation mode for a while; it is as before afterwards, also after an error."""
    was_training = network.training
    network.eval()
    try:
        yield network
    finally:
        network.train(was_training)


def _see(method, images, part, what):
    near = sent(images[part[0]:part[-1] + 1], method.device)
    seen = method.see(near)
    check_seen(method, seen, ["logits" if name == "loss" else name for name in what], len(near))
    if "loss" in what:
        seen["loss"] = method.sample_losses(seen["logits"].float(), part.to(method.device))
    return {name: seen[name] for name in what}


class Look:
    """`look("embedding", "logits", "loss")` during training: the whole set, gathered over all processes.

    Attributes:
        progress: how much of the training is done, from 0 to 1.
    """

    def __init__(self, method, source, target, half, average):
        self.method, self.half, self.average, self.progress = method, half, average, 0.0
        self.streams = {"source": source, "target": target}

    @property
    def seed(self) -> int:
        """Return the seed of the training."""
        return self.streams["source"].seed

    def __call__(self, *what: str, of: str = "source"):
        """Return one tensor [N, …] for each name, seen with averaged weights if `hyper.ema` is set."""
        if self.streams.get(of) is None:
            raise InputError(f"look(of={of!r}): there are no such faces here; expected "
                             f"{' or '.join(name for name, stream in self.streams.items() if stream)}")
        images = self.streams[of].images
        rows = torch.arange(len(images)).tensor_split(world())[rank()]
        with self.average.installed():
            seen = see_all(self.method, images, what, rows, self.half)
        columns = [gather_parts(seen[name]) for name in what]
        return columns[0] if len(columns) == 1 else columns
