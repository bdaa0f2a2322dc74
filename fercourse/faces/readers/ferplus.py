"""FER+: the votes of ten annotators for the faces of FER2013, joined by row."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..emotions import EMOTIONS
from ..setinfo import SetInfo
from . import fer2013
from .common import BadRow, csv_rows
from .found import Found
from .tables import open_table

COLUMNS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
OTHER = ("unknown", "NF")                         # NF: not a face


def read(root, pixels=None):
    """List the faces on which annotators agree, with their votes.

    The reference rule: zero single votes, keep the top word if it has more than half of what is left, drop
    the face if that word is `unknown` or `NF`. `votes` are the raw ones for the eight emotions; the soft
    labels of the paper are these, normalised.

    Args:
        pixels: folder or archive with FER2013; default: `root`, or `fer2013` beside it.
    """
    votes = Votes(root)
    with open_table(Path(root), ("fer2013new.csv",)) as (text, path):
        rows = csv_rows(path, path.parent, ["Usage", "Image name", *COLUMNS, *OTHER], text)
        votes.each(rows, votes.take)
    return votes.join(_faces(Path(root), pixels))


def _faces(root, pixels):
    if pixels is not None:
        return fer2013.read(pixels)
    try:
        return fer2013.read(root)
    except InputError as error:
        beside = root.parent / "fer2013"
        if beside.is_dir() and "none of" in str(error):
            return fer2013.read(beside)
        raise


class Votes(Found):
    """Rows of the vote table by their number in it."""

    def __init__(self, root):
        super().__init__("ferplus", root, EMOTIONS)
        self.kept, self.usage, self.count = {}, {}, 0

    def take(self, row):
        """Read one row; it is kept if the annotators agree on an emotion."""
        self.count += 1
        number, counts = self.count - 1, np.array([_vote(row, c) for c in (*COLUMNS, *OTHER)], np.float32)
        self.usage[number] = row["Usage"]
        if not row["Image name"] or not counts.any():
            return self.drop("FER+ has no votes for them")
        word = majority(counts)
        if word is None:
            return self.drop("no word has more than half of the votes")
        if word in OTHER:
            return self.drop("the majority says unknown or not a face")
        by_name = dict(zip(COLUMNS, counts))
        self.kept[number] = (EMOTIONS.index(word), [by_name[w] for w in EMOTIONS])

    def join(self, faces):
        """Return the FER2013 listing cut to the kept rows, under the labels of the votes."""
        self._check_order(faces)
        rows = np.flatnonzero(np.isin(faces.ids, list(self.kept)))
        if not len(rows):
            return self.listing()                 # says why there is nothing
        both = faces.take(rows)
        labels, votes = zip(*(self.kept[i] for i in both.ids.tolist()))
        absent = len(self.kept) - len(rows)
        lacking = [f"{absent:,} voted rows have no pixels in this copy of FER2013"] if absent else []
        notes = [note for note in faces.notes if "repeat the pixels" not in note]
        return replace(both, name="ferplus", classes=EMOTIONS, labels=np.array(labels, dtype=np.int64),
                       votes=np.array(votes, dtype=np.float32), rejects=(*faces.rejects, *self.rejects),
                       notes=(*notes, *lacking, *self.left_out()))

    def _check_order(self, faces):
        for number, part in zip(faces.ids.tolist(), faces.split.tolist()):
            usage = self.usage.get(number)
            if usage is not None and fer2013.USAGES.get(usage) != ("train" if part == "val" else part):
                raise InputError(f"{self.root}: line {number + 2} is {usage!r} in fer2013new.csv, {part!r} "
                                 "in FER2013; expected both in the official row order: use unsorted copies")


def majority(counts):
    """Return the word the reference rule finds in ten vote counts, `unknown` and `NF` included, or None."""
    counts = np.where(counts < 2, 0, counts)      # a single vote counts as a slip
    top = int(counts.argmax())
    return (*COLUMNS, *OTHER)[top] if counts[top] > 0.5 * counts.sum() else None


def _vote(row, column):
    text = row[column]
    if not text.isdecimal() or len(text) > 2 or int(text) > 10:
        raise BadRow(f"vote out of range: {column} is {text!r}, expected 0 to 10")
    return int(text)


def _counts(*numbers):
    return dict(zip(COLUMNS, numbers))


INFO = SetInfo(
    name="ferplus", title="FER+", classes=EMOTIONS, image="48x48 grey, the faces of FER2013",
    terms="MIT for the votes; the images are those of FER2013, under its terms.",
    get="fer2013new.csv from github.com/microsoft/FERPlus, put beside FER2013",
    layout="fer2013new.csv (Usage, Image name, ten vote columns)\nand FER2013 as for fer2013",
    markers=("fer2013new.csv", "fer2013/fer2013new.csv"), reader=read, folders=("FERPlus", "fer2013"),
    counts={"train+val": _counts(8740, 7287, 3149, 3014, 2100, 119, 532, 119),
            "PublicTest": _counts(1182, 865, 415, 351, 287, 24, 62, 13),
            "PrivateTest": _counts(1090, 893, 396, 384, 273, 18, 83, 16)},
)
