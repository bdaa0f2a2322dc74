"""AffectNet: the older csv with a box for each face, and the cropped release with one npy for each number."""

from pathlib import Path

import numpy as np

from ...errors import InputError
from ..emotions import EMOTIONS, SEVEN
from ..setinfo import SetInfo
from .common import MISSING, BadRow, Row, axes, below, csv_rows, decimal, folder, numbered, option, walk
from .found import Found

LABELS = {0: "neutral", 1: "happiness", 2: "sadness", 3: "surprise", 4: "fear", 5: "disgust", 6: "anger",
          7: "contempt", 8: None, 9: None, 10: None}          # 8 none, 9 uncertain, 10 no face
BOX = ("face_x", "face_y", "face_width", "face_height")
TABLES = (("train", "training.csv"), ("val", "validation.csv"))
PARTS = (("train", "train_set"), ("val", "val_set"))
NO_TEST = "AffectNet has no public test part; papers report scores on its validation part"


def read(root, classes: int = 8, landmarks: bool = False):
    """List AffectNet in whichever of its two layouts is there.

    Args:
        classes: 8, or 7 to leave contempt out.
        landmarks: also read the 68 landmarks (slow, and 0.3 GB for the whole set).
    """
    root = Path(root)
    if classes not in (7, 8):
        raise InputError(f"affectnet: classes is {classes}; expected 7 (without contempt) or 8")
    option("affectnet: landmarks", landmarks)
    cropped = (root / "train_set").is_dir() or (root / "val_set").is_dir()
    words = EMOTIONS if classes == 8 else SEVEN
    found = Faces("affectnet", root, words)
    (found.read_cropped if cropped else found.read_tables)(landmarks)
    if found.without_axes:
        found.notes.append(f"{found.without_axes:,} faces have no valence and arousal (marked -2)")
    found.notes.append(NO_TEST)
    return found.listing(expected=("train", "val"))


class Faces(Found):
    """Found, with AffectNet's label rules."""

    without_axes = 0

    def take(self, file, label, va, split, at, **more):
        """Add one face unless its label is none of the classes."""
        word = numbered(label, LABELS)
        if word is None:
            return self.drop("labelled none, uncertain or no face", file=file)
        if word not in self.classes:
            return self.drop(f"labelled {word}, not among the {len(self.classes)} classes", file=file)
        pair = axes(*va)
        before = len(self.rows)
        self.add(file, word, split, at, va=pair, **more)
        self.without_axes += pair is MISSING and len(self.rows) > before

    # ------------------------------------------------------------------ the older csv

    def read_tables(self, landmarks):
        """Read training.csv and validation.csv; images are uncropped, so every face has a box."""
        paths = {name: _table(self.root, name) for _, name in TABLES}
        if not any(paths.values()):
            raise InputError(f"{self.root} has neither training.csv nor train_set, nor validation parts; "
                             "restore the annotations of the original set")
        top = folder(self.root, "Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images",
                     "*/Manually_Annotated_Images")
        self.sizes, self.base = walk(self.root, top), below(top, self.root) + "/"
        required = ["subDirectory_filePath", *BOX, "expression", "valence", "arousal"]
        for split, name in TABLES:
            if paths[name] is None:
                self.notes.append(f"{name} is absent")
                continue
            rows = csv_rows(paths[name], self.root, required)
            self.each(rows, lambda row, split=split: self._row(row, split, top, landmarks))

    def _row(self, row, split, top, landmarks):
        file = below(top / row["subDirectory_filePath"], self.root)
        more = {"landmarks": _points(row["facial_landmarks"].split(";"))} if landmarks else {}
        box, va = _box(row), (row["valence"], row["arousal"])
        key = " ".join(f"{edge:g}" for edge in box)
        self.take(file, row["expression"], va, split, row, box=box, key=key, **more)

    # ------------------------------------------------------------------ the cropped release

    def read_cropped(self, landmarks):
        """Read train_set and val_set: images/N.jpg with annotations/N_exp.npy, N_val.npy, N_aro.npy."""
        self.sizes = {}
        for split, part in PARTS:
            images, notes = self.root / part / "images", self.root / part / "annotations"
            if not (self.root / part).is_dir():
                self.notes.append(f"{part} is absent")
                continue
            for place in (images, notes):
                if not place.is_dir():
                    raise InputError(f"{place} is missing; expected images and annotations in {part}: "
                                     "unpack the whole release there")
            listed = walk(self.root, images)
            self.sizes.update(listed)
            rows = self._annotations(listed, notes)
            self.each(rows, lambda row, split=split: self._files(row, split, landmarks))

    def _annotations(self, listed, notes):
        """Yield a Row for each image and for each annotation without an image."""
        index = {"file": 0, "stem": 1}
        stems = {Path(file).stem for file in listed}
        for file in listed:
            yield Row(file, None, [file, str(notes / Path(file).stem)], index)
        for path in sorted(notes.glob("*_exp.npy")):
            if path.name[:-8] not in stems:
                self.reject(f"missing image: images/{path.name[:-8]}.jpg", below(path, self.root))

    def _files(self, row, split, landmarks):
        stem = row["stem"]
        more = {"landmarks": _points(_numbers(f"{stem}_lnd.npy"))} if landmarks else {}
        va = _scalar(f"{stem}_val.npy"), _scalar(f"{stem}_aro.npy")
        self.take(row["file"], _scalar(f"{stem}_exp.npy"), va, split, None, **more)


def _table(root, name):
    places = (root / name, root / "Manually_Annotated_file_lists" / name)
    return next((p for p in (*places, *sorted(root.glob(f"*/{name}"))) if p.is_file()), None)


def _box(row):
    left, top, width, height = (decimal(row[c], c) for c in BOX)
    if width <= 0 or height <= 0:
        raise BadRow(f"empty face box: {width:g} by {height:g} pixels")
    return left, top, left + width, top + height


def _points(values):
    if len(values) != 136:
        raise BadRow(f"truncated landmarks: {len(values)} numbers, expected 68 pairs")
    return np.array([decimal(v, "landmark") for v in values], dtype=np.float32).reshape(68, 2)


def _numbers(path):
    try:
        return np.load(path, allow_pickle=False).reshape(-1)
    except FileNotFoundError:
        raise BadRow(f"missing annotation: {Path(path).name}") from None
    except (OSError, ValueError, EOFError):
        raise BadRow(f"unreadable annotation: {Path(path).name}") from None


def _scalar(path):
    values = _numbers(path)
    if len(values) != 1:
        raise BadRow(f"unreadable annotation: {Path(path).name} holds {len(values)} values, expected 1")
    return str(values[0])                         # numbers or text, depending on the copy


_WORDS = tuple(word for word in LABELS.values() if word)

INFO = SetInfo(
    name="affectnet", title="AffectNet", classes=EMOTIONS,
    image="uncropped with face boxes, or 224x224 crops (unchecked)",
    terms="Agreement signed by the head of a laboratory or a professor.",
    get="ask its authors (mohammadmahoor.com/affectnet)",
    layout="Manually_Annotated_Images/<folder>/*.jpg with training.csv and validation.csv\n"
           "or train_set/ and val_set/, each with images/N.jpg and annotations/N_exp.npy, _val, _aro",
    markers=("train_set/annotations", "val_set/annotations", "Manually_Annotated_Images", "training.csv",
             "Manually_Annotated*/training.csv", "Manually_Annotated*/Manually_Annotated_Images"),
    reader=read, folders=("AffectNet",),
    counts={"train": dict(zip(_WORDS, (74874, 134415, 25459, 14090, 6378, 3803, 24882, 3750))),
            "val": dict.fromkeys(_WORDS, 500)},
)
