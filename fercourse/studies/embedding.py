"""The README's picture of an embedding before and after training; `python -m fercourse.studies.embedding` draws it."""

from pathlib import Path

import torch

from ..checkpoint import untrained
from ..embed import aligned_sequence
from ..evaluate import seen
from ..faces import load_faces
from ..networks import trained
from ..plots import embedding_sequence
from ..program import run

PICTURE, NETWORK, DOMAIN = "docs/embedding.png", "baseline", "lab"
TITLES = ("before training", "after training")


def draw(path: Path = PICTURE):
    """Draw where the trained network of lesson 01, and the same one untrained, put rendered strangers in the lab."""
    after = trained(NETWORK)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(after.about["seed"])
        before = untrained(after.about).eval()
    faces = load_faces(after.about["data"], split="test", domain=DOMAIN, size=after.about["size"])
    points = aligned_sequence([seen(network, faces)["embedding"].cpu() for network in (before, after)])
    figure = embedding_sequence(points, faces, titles=TITLES)
    figure.savefig(path, metadata={"Source": after.about["sha256"]})


if __name__ == "__main__":
    run(draw)
