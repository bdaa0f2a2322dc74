"""The trained networks that come with the course: `python -m fercourse.studies.networks [NAME …]` makes them anew.

All learn from the lab's labels, with the same backbone and epochs, and are tested on strangers in the lab and in the
wild; those that use unlabelled faces have those of the wild, and DMSRL starts from the baseline. No setting was chosen
on a test face.
"""

from dataclasses import asdict
from typing import Annotated

import torch
import typer

from ..checkpoint import describe
from ..errors import InputError
from ..evaluate import accuracy
from ..evaluate.report import predicted
from ..faces import load_faces
from ..faces.concat import concat
from ..networks import PREFIX, taken_from
from ..program import run
from ..provenance import commit, hardware, versions
from . import Scale, train_classifier
from .comparison import SETTINGS, Faces, given, trained
from .publish import publish

SCALE = Scale("shipped", size=48, epochs=15)
CIRCUMSTANCE, DATA, SEED = "tested in the wild", "synthfaces", 0
CODE = commit()                            # before the first network changes the folder of weights


def make(name: str) -> dict:
    """Train one method, write its weights and manifest, and return the manifest's facts."""
    faces = given(CIRCUMSTANCE, SCALE, DATA, None, SEED)
    if name == "hncl":                                     # as it is before fine-tuning, with its own linear probe
        method = train_classifier(_only_the_labelled_told(faces), SCALE, SEED, name)
    else:
        method, _ = trained(name, CIRCUMSTANCE, SCALE, DATA, None, SEED)
    said = describe(method)
    said["hyper"] |= {"weights": None, "pretrained": False}          # its own are published
    facts = {**said, "data": DATA,
             "labelled": len(faces.labelled), "unlabelled": len(faces.unlabelled), "scale": asdict(SCALE), "seed": SEED,
             "accuracy": _accuracies(method), "commit": CODE, "hardware": hardware(), "versions": versions()}
    publish(PREFIX + name, method.state_dict(), facts)
    return facts


def _only_the_labelled_told(faces: Faces):
    """Return all faces, with the labels of the unlabelled ones taken away, so that no probe can read them."""
    unknown = faces.unlabelled.relabel(torch.full_like(faces.unlabelled.labels, -1))
    return concat(faces.labelled, unknown)


def _accuracies(method):
    accuracies = {}
    for domain in ("lab", "wild"):
        test = load_faces(DATA, split="test", domain=domain, size=SCALE.size)
        with taken_from(domain, method):
            accuracies[domain] = round(accuracy(predicted(method, test), test.truth), 4)
    return accuracies


def main(names: Annotated[list[str] | None, typer.Argument(help=f"{', '.join(SETTINGS)}; default: all.")] = None):
    """Train the networks that come with the course, and put weights and manifests into the package."""
    if wrong := [name for name in names or () if name not in SETTINGS]:
        raise InputError(f"network {wrong[0]!r} is unknown; expected one of {', '.join(SETTINGS)}")
    for chosen in names or SETTINGS:
        print(chosen, make(chosen)["accuracy"])


if __name__ == "__main__":
    run(main)
