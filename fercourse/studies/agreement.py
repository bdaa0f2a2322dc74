"""How often do ten annotators confirm the label of FER2013? `python -m fercourse.studies.agreement ROOT`.

Nothing is trained: the votes of FER+ are counted beside the labels, class by class, into
`results/ferplus-agreement.json`.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..faces import load_faces
from ..faces.readers.common import csv_rows
from ..faces.readers.ferplus import COLUMNS, OTHER
from ..faces.readers.tables import open_table
from ..files import write_json
from ..program import run
from ..provenance import commit

ORDER = ("happiness", "neutral", "surprise", "anger", "sadness", "disgust")      # as lessons show them
TIE = "a tie"
ABOUT = {
    "what": "For each class: faces that FER2013 labels with it, because a search for such words found them; those of "
            "them for which it is also the class with most of the ten FER+ votes; and those on which two classes or "
            "more share the first place. most_other is the other class that most often came first alone.",
    "faces": "FER2013 Training and PublicTest with FER+ votes; fear is left out, because the rows of its images are "
             "not matched in our copy.",
    "rule": "the one column of all ten that has most votes; a tie for the first place confirms nothing",
    "sources": ["Goodfellow et al. 2013, https://doi.org/10.1007/978-3-642-42051-1_16",
                "Barsoum et al. 2016, https://doi.org/10.1145/2993148.2993165"],
}


def count(labels, votes, words=ORDER) -> dict:
    """Return for each word how many faces have it as label, and for how many it has most votes.

    Args:
        labels: one word a face; votes: int [N, 10] in the order of FER+'s columns; rows without votes are left out.
    """
    alone = (votes == votes.max(1, keepdims=True)).sum(1) == 1
    first = np.where(alone, np.array((*COLUMNS, *OTHER))[votes.argmax(1)], TIE)
    labels, voted = np.asarray(labels), votes.sum(1) > 0
    return {word: _one(word, first[voted & (labels == word)]) for word in words}


def _one(word, first):
    other, often = np.unique(first[(first != word) & (first != TIE)], return_counts=True)
    most = int(often.argmax()) if len(often) else None
    return {"labelled": len(first), "confirmed": int((first == word).sum()), "tied": int((first == TIE).sum()),
            "most_other": None if most is None else str(other[most]),
            "most_other_count": 0 if most is None else int(often[most])}


def ballots(root) -> np.ndarray:
    """Return FER+'s votes, int [rows, 10], one row for each of FER2013; 0 where an image has no name there."""
    with open_table(Path(root), ("fer2013new.csv",)) as (text, path):
        rows = csv_rows(path, path.parent, ["Image name", *COLUMNS, *OTHER], text)
        return np.array([[int(row[word]) if row["Image name"] else 0 for word in (*COLUMNS, *OTHER)] for row in rows])


def agreement(root) -> dict:
    """Return what `results/ferplus-agreement.json` holds, counted from FER2013 and FER+ under `root`."""
    faces = load_faces("fer2013", split="train+val+PublicTest", root=root)
    return {**ABOUT, "counts": count(faces.words("labels"), ballots(root)[faces.ids.numpy()]), "commit": commit()}


def main(root: Annotated[Path, typer.Argument(help="Folder of FER2013 and FER+.")]):
    """Count the votes of FER+ beside the labels of FER2013, into results/ferplus-agreement.json."""
    write_json(Path("results/ferplus-agreement.json"), agreement(root))


if __name__ == "__main__":
    run(main)
