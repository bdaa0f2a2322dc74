"""Does an epoch's time grow with the number of faces and no faster, and does memory stay small beside the file?"""

import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..faces import Listing, load_faces
from ..faces.decode import Crop
from ..faces.pack import write_pack
from ..methods import Hyper, Method
from ..train import fit
from . import survey
from .memory import STATUS, in_use

SIZES = {"smoke": (200, 600), "cpu": (1_000, 10_000, 100_000, 300_000), "gpu": (1_000, 10_000, 100_000, 300_000)}
PIXELS, BATCH, CLASSES = 32, 128, ("happiness", "sadness")


class Linear(Method):
    """One linear layer on augmented pixels: so little that reading, order, augmentation and bookkeeping are seen."""

    name = "linear"

    def __init__(self, size):
        nn.Module.__init__(self)                             # no backbone
        self.classes, self.size, self.hyper, self.memory = CLASSES, size, Hyper(), {}
        self.head = nn.Linear(3 * size**2, len(CLASSES))

    def forward(self, batch, progress):
        return {"total": F.cross_entropy(self.head(batch.views[0].flatten(1)), batch.labels)}


@survey("growth")
def growth(scale):
    """An epoch of a linear layer on packs of ever more random faces: time, memory beside the file, time to open."""
    rows = []
    for count in SIZES[scale.name]:
        with tempfile.TemporaryDirectory() as folder:
            pack = write_random(Path(folder) / "faces.safetensors", count)
            with multiprocessing.get_context("spawn").Pool(1) as pool:      # memory freed before would hide growth
                rows.append(pool.apply(_epoch, (str(pack), scale.device)))
    return {"unit": "s per 1,000 faces", "rows": rows, "linear": rows[-1]["per_thousand_s"] / rows[0]["per_thousand_s"],
            "pixels": PIXELS, "batch": BATCH, "threads": torch.get_num_threads()}


def write_random(path: Path, count: int) -> Path:
    """Write a pack of random faces, uint8 [N, 3, 32, 32]; return its path."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, PIXELS, PIXELS, 3), np.uint8)
    rows = np.arange(count)
    write_pack(Listing("random", CLASSES, rows % 2, np.full(count, "train"), rows, pixels=pixels), path, Crop(PIXELS))
    return path


def _epoch(pack, device):
    """Return what a fresh process measures of one pack: opening, the median of its epochs, and memory it then holds."""
    load_faces(pack, "train")                                # what is imported at the first use does not count
    warm = Linear(PIXELS)
    fit(warm, load_faces(pack, "train").sample(BATCH, 0), epochs=1, batch_size=BATCH, device=device, quiet=True)
    before, start = own_memory(), time.perf_counter()
    faces = load_faces(pack, "train")
    opened, method, seconds = time.perf_counter() - start, Linear(PIXELS), []
    held = []
    for _ in range(max(1, min(5, 20_000 // len(faces)))):
        start = time.perf_counter()
        fit(method, faces, epochs=1, batch_size=BATCH, device=device, quiet=True,
            watch=lambda *_: held.append(own_memory()))
        seconds.append(time.perf_counter() - start)
    epoch = statistics.median(seconds)
    grown = None if before is None else round(max(held) - before, 1)
    return {"faces": len(faces), "epoch_s": round(epoch, 3), "per_thousand_s": round(1000 * epoch / len(faces), 4),
            "open_s": round(opened, 4), "memory_MiB": grown, "file_MiB": round(Path(pack).stat().st_size / 2**20, 1)}


def own_memory() -> float | None:
    """Return the MiB that this process holds itself, without what is mapped from files; None where Linux is not."""
    return in_use("RssAnon") if STATUS.is_file() else None
