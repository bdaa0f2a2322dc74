"""The two parts of training speed, ready batches and the loop; `end_to_end.py` measures them together."""

import tempfile
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import torch

from ..batches import Stream
from ..faces import load_faces
from ..methods import create
from ..train import fit
from . import Duel, benchmark, turn_seconds
from .bare import bare_loop, device_batches
from .loader import QUALITY, loaders, write_jpegs

VIEW = "weak"


@benchmark("input", "images/s")
def ready_batches(scale):
    """Batches ready on the device, without training: from packed faces, against files, Pillow and a DataLoader."""
    faces, device = faces_of(scale), torch.device(scale.device)
    stream = Stream(faces, (VIEW,), ("labels",), scale.batch_size, 0, device)
    labels, number = faces.labels.to(device), count()

    def ours():
        for _ in range(stream.steps):
            stream.batch(next(number), labels)

    def read(loader):
        for pixels, marks in loader:
            pixels.to(device, non_blocking=True), marks.to(device, non_blocking=True)

    with fastest_peer(faces, scale, read) as (peer, facts):
        yield Duel(ours, peer, stream.steps * scale.batch_size, facts)


@benchmark("steps", "steps/s", cpu=0.97, gpu=0.97)
def steps(scale):
    """Steps of fit, against a bare loop of the same arithmetic on the same model, faces and augmentation."""
    faces, device = faces_of(scale), torch.device(scale.device)
    model, number = plain(faces, scale, device), len(faces) // scale.batch_size
    images, labels = faces.images.to(device), faces.labels.to(device)

    def peer():
        bare_loop(model, device_batches(images, labels, VIEW, scale.batch_size), number, device)

    yield Duel(_ours(faces, scale), peer, number, {"threads": torch.get_num_threads()})


def faces_of(scale):
    """Return as many wild training faces as a turn takes, at the scale's size."""
    faces = load_faces("synthfaces", split="train", domain="wild").sample(scale.faces, 0)
    return faces.resize(scale.size)


def _ours(faces, scale):
    faces = faces.to(scale.device)                           # as the peer's are, before the clock runs
    method = create("baseline", faces, backbone=scale.backbone)
    return partial(fit, method, faces, epochs=1, batch_size=scale.batch_size, device=scale.device, quiet=True)


def plain(faces, scale, device):
    """Return the network of the baseline as a plain module."""
    method = create("baseline", faces, backbone=scale.backbone)
    return torch.nn.Sequential(method.backbone, method.head).to(device, memory_format=torch.channels_last)


@contextmanager
def fastest_peer(faces, scale, work, views=1):
    """Yield `work` on a loader of these faces as files, with the workers that make it fastest here, and the facts.

    A batch is pixels [B, V, 3, H, W] in `views` views, and labels [B].
    """
    device, images = torch.device(scale.device), len(faces) // scale.batch_size * scale.batch_size * views
    with tempfile.TemporaryDirectory() as folder:
        files = write_jpegs(faces, Path(folder))
        turns = {workers: partial(work, loader) for workers, loader
                 in loaders(files, faces.labels.tolist(), (VIEW,) * views, scale.batch_size, device).items()}
        tried = {workers: _second_turn(turn) for workers, turn in turns.items()}
        best = min(tried, key=tried.get)
        turn = turns.pop(best)
        turns.clear()                                     # the other workers end here
        yield turn, {"workers": best, "images_per_s_by_workers": {n: round(images / s, 1) for n, s in tried.items()},
                     "files": f"JPEG, quality {QUALITY}", "threads": torch.get_num_threads()}


def _second_turn(work):
    """Return the seconds of a turn after one that does not count: workers are started by it."""
    turn_seconds(work)
    return turn_seconds(work)
