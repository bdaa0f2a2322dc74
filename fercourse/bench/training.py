"""Training speed: from packed faces to updated weights, and the loop alone."""

import tempfile
from functools import partial
from pathlib import Path

import torch

from ..faces import load_faces
from ..methods import create
from ..train import fit
from . import Duel, benchmark, turn_seconds
from .bare import bare_loop, device_batches

VIEW = "weak"


@benchmark("end-to-end", "images/s", cpu=2.0, gpu=5.0)
def end_to_end(scale):
    """Packed faces to updated weights by fit, against files, Pillow, torchvision, a DataLoader and a bare loop.

    The peer gets the number of worker processes with which it is fastest here; they are started beforehand.
    """
    from .loader import QUALITY, loaders, write_jpegs

    faces, device = _faces(scale), torch.device(scale.device)
    model, count = _model(faces, scale, device), len(faces) // scale.batch_size
    with tempfile.TemporaryDirectory() as folder:
        files = write_jpegs(faces, Path(folder))
        passes = {workers: partial(bare_loop, model, loader, count, device) for workers, loader
                  in loaders(files, faces.labels.tolist(), VIEW, scale.batch_size, device).items()}
        tried = {workers: _second_turn(work) for workers, work in passes.items()}
        best = min(tried, key=tried.get)
        facts = {"workers": best, "files": f"JPEG, quality {QUALITY}", "threads": torch.get_num_threads(),
                 "images_per_s_by_workers": {n: round(count * scale.batch_size / s, 1) for n, s in tried.items()}}
        peer = passes.pop(best)
        passes.clear()                                    # the other workers end here
        yield Duel(_ours(faces, scale), peer, count * scale.batch_size, facts)


def _second_turn(work):
    turn_seconds(work)
    return turn_seconds(work)


@benchmark("steps", "steps/s", cpu=0.97, gpu=0.97)
def steps(scale):
    """Steps of fit, against a bare loop of the same arithmetic on the same model, faces and augmentation."""
    faces, device = _faces(scale), torch.device(scale.device)
    model, count = _model(faces, scale, device), len(faces) // scale.batch_size
    images, labels = faces.images.to(device), faces.labels.to(device)

    def peer():
        bare_loop(model, device_batches(images, labels, VIEW, scale.batch_size), count, device)

    yield Duel(_ours(faces, scale), peer, count, {"threads": torch.get_num_threads()})


def _faces(scale):
    faces = load_faces("synthfaces", split="train", domain="wild").sample(scale.faces, 0)
    return faces.resize(scale.size)


def _ours(faces, scale):
    method = create("baseline", faces, backbone=scale.backbone)
    return partial(fit, method, faces, epochs=1, batch_size=scale.batch_size, device=scale.device, quiet=True)


def _model(faces, scale, device):
    """Return the network of the baseline as a plain module."""
    method = create("baseline", faces, backbone=scale.backbone)
    return torch.nn.Sequential(method.backbone, method.head).to(device, memory_format=torch.channels_last)
