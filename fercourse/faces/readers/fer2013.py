"""FER2013: pixels as text in one csv, loose or in its archive; the icml file; train.csv and test.csv."""

import warnings
from pathlib import Path

import numpy as np

from ..emotions import SEVEN
from ..listing import Listing
from ..setinfo import SetInfo
from .common import BadRow, csv_rows, numbered
from .duplicates import digests, group_keys, near_duplicates
from .found import Found
from .splits import VAL_SHARE, held_out
from .tables import has_table, open_table

LABELS = {0: "anger", 1: "disgust", 2: "fear", 3: "happiness", 4: "sadness", 5: "surprise", 6: "neutral"}
USAGES = {"Training": "train", "PublicTest": "PublicTest", "PrivateTest": "PrivateTest"}
TABLES = ("fer2013.csv", "icml_face_data.csv", "train.csv")     # torchvision tries them in this order too
SIDE = 48


def read(root):
    """List FER2013 with its pixels, uint8 [N, 48, 48].

    Splits are `train`, `val` (a fixed tenth of Training, near-duplicates kept together), `PublicTest` and
    `PrivateTest`. `Training` is train and val together; `test` is PrivateTest, or PublicTest where the
    former is absent. Ids are rows of the official file. Rows with equal pixels are part of the published
    counts and stay.
    """
    found = Pixels(root)
    with open_table(Path(root), TABLES) as (text, path):
        found.read(path, text, "train" if path.name == "train.csv" else None)
    if path.name == "train.csv":
        found.read_unlabelled()
    return found.listing()


class Pixels(Found):
    """Found, for images that are text in the annotation file."""

    def __init__(self, root):
        super().__init__("fer2013", root, SEVEN)
        self.images, self.labels, self.split, self.ids, self.count = [], [], [], [], 0

    def read(self, path, text, split=None):
        """Take every row; without `split` the column Usage says which part a row belongs to."""
        required = ["emotion", "pixels"] if split else ["emotion", "pixels", "Usage"]
        rows = csv_rows(path, path.parent, required, text)
        self.each(rows, lambda row: self._take(row, split, lambda: numbered(row["emotion"], LABELS)))

    def read_unlabelled(self):
        """Take test.csv, whose labels were never given out."""
        if self.root.suffix == ".csv" or not has_table(self.root, ("test.csv",)):
            return self.notes.append("test.csv is absent")
        with open_table(self.root, ("test.csv",)) as (text, path):
            rows = csv_rows(path, path.parent, ["pixels"], text)
            self.each(rows, lambda row: self._take(row, "test", lambda: None))
        self.notes.append("test.csv has no labels; its faces are in the split test, unlabelled")

    def _take(self, row, split, label):
        self.count += 1                           # bad rows count: ids are rows of the official file
        part, word, image = split or _usage(row["Usage"]), label(), _image(row["pixels"])
        self.images.append(image)
        self.labels.append(-1 if word is None else SEVEN.index(word))
        self.split.append(part)
        self.ids.append(self.count - 1)

    def listing(self):
        """Return the Listing, its validation part dealt by what the images show."""
        if not self.images:
            return super().listing()              # says why there is nothing
        pixels, split = np.stack(self.images), np.array(self.split)
        digest, group = digests(pixels), near_duplicates(pixels)
        split[held_out("fer2013", group_keys(group, digest), split == "train", VAL_SHARE)] = "val"
        return Listing(
            name=self.name, classes=SEVEN, root=str(self.root), pixels=pixels, group=group, split=split,
            labels=np.array(self.labels, dtype=np.int64), ids=np.array(self.ids, dtype=np.int64),
            aliases=_aliases(split), rejects=tuple(self.rejects),
            notes=(*self.notes, *_notes(split, digest), *self.left_out()))


def _usage(text):
    if text not in USAGES:
        raise BadRow(f"unknown usage: {text!r}, expected {', '.join(USAGES)}")
    return USAGES[text]


def _image(text):
    """Return uint8 [48, 48] of 2304 numbers with spaces between."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)      # text that stops being numbers
        try:
            values = np.fromstring(text, dtype=np.int32, sep=" ")
        except ValueError:
            values = np.empty(0, np.int32)
    if len(values) != SIDE * SIDE:
        raise BadRow(f"truncated pixels: {len(values)} numbers, expected {SIDE}x{SIDE} = {SIDE * SIDE}")
    if values.min() < 0 or values.max() > 255:
        raise BadRow(f"pixel out of range: {values.min()} to {values.max()}, expected 0 to 255")
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _aliases(split):
    known = {"Training": "train+val"}
    last = next((part for part in ("PrivateTest", "PublicTest") if part in split), None)
    return {**known, "test": last} if last else known


def _notes(split, digest):
    yield "val is a fixed tenth of Training, near-duplicates kept together"
    if "PrivateTest" not in split:
        yield "PrivateTest is absent" + ("; test means PublicTest" if "PublicTest" in split else "")
    copies = len(digest) - len(set(digest))
    if copies:
        yield f"{copies:,} rows repeat the pixels of another; they belong to the published counts and stay"


def _counts(*numbers):
    return dict(zip(LABELS.values(), numbers))


INFO = SetInfo(
    name="fer2013", title="FER2013", classes=SEVEN, image="48x48 grey",
    terms="Kaggle competition rules, research use; the photographs were found by web search.",
    get="Kaggle: challenges-in-representation-learning-facial-expression-recognition-challenge",
    layout="fer2013.tar.gz or .zip as downloaded\nor fer2013/fer2013.csv (emotion, pixels, Usage)\n"
           "or icml_face_data.csv\nor train.csv and test.csv",
    markers=(*TABLES, "fer2013.tar.gz", "fer2013.zip", "challenges-in-representation-learning*.zip"),
    reader=read, folders=("FER2013",),
    counts={"train+val": _counts(3995, 436, 4097, 7215, 4830, 3171, 4965),
            "PublicTest": _counts(467, 56, 496, 895, 653, 415, 607),
            "PrivateTest": _counts(491, 55, 528, 879, 594, 416, 626)},
)
