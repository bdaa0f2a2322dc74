"""The command line in this process, and a small pack to call it with."""

import numpy as np
import pytest

from fercourse.cli import main
from fercourse.faces import Listing
from fercourse.faces.decode import Crop
from fercourse.faces.pack import write_pack
from tests.toy import CLASSES, toy_faces

QUICK = ["--epochs", "2", "--batch-size", "16", "--device", "cpu"]


def call(*arguments):
    """Run the command line in this process; return its exit status."""
    with pytest.raises(SystemExit) as left:
        main([str(a) for a in arguments])
    return left.value.code or 0


def toy_pack(path, train=48, seed=0, classes=CLASSES, size=16, affect=True):
    """Write a pack of drawn faces: so many to train on, 16 for val, 32 for test; return its path.

    Without `affect`, valence and arousal are unknown.
    """
    faces = toy_faces(train + 48, size, seed)
    split = np.array(["train"] * train + ["val"] * 16 + ["test"] * 32, dtype=object)
    listing = Listing("drawn", classes, faces.labels.numpy(), split, faces.ids.numpy(),
                      pixels=faces.images.permute(0, 2, 3, 1).numpy(),
                      valence_arousal=faces.valence_arousal.numpy() + (0 if affect else np.nan),
                      identity=faces.identity.numpy(),
                      attributes={"gender": np.arange(len(faces)) % 2}, names={"gender": ("woman", "man")})
    write_pack(listing, path, Crop(size))
    return path
