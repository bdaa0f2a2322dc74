"""Small pictures on disk and listings of them, for the tests of decoding, packs and loading."""

from pathlib import Path

import numpy as np
from PIL import Image

from fercourse.faces.listing import Listing


def checker(width=40, height=40, seed=0):
    """Return uint8 [height, width, 3]: smooth colours, different for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def save(root: Path, count: int, width=40, height=40, ending="png") -> np.ndarray:
    """Write pictures 0.png, 1.png, … below root/faces; return their paths below root."""
    (root / "faces").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(checker(width, height, number)).save(root / "faces" / f"{number}.{ending}")
    return np.array([f"faces/{number}.{ending}" for number in range(count)], dtype=object)


def listing(root=".", count=6, files=None, pixels=None, split=None, **columns) -> Listing:
    """Return a listing whose labels are 0, 1, 2, 0, 1, … and whose ids begin at 100."""
    return Listing(
        name="toy", classes=("neutral", "happiness", "fear"), root=str(root),
        labels=np.arange(count) % 3, ids=np.arange(count) + 100,
        split=np.array(["train"] * count if split is None else split), files=files, pixels=pixels, **columns)
