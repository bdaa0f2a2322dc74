"""ExpW: photographs with several faces each; one list gives each face's box and label."""

from pathlib import Path

from ..emotions import SEVEN
from ..setinfo import SetInfo
from .common import BadRow, decimal, folder, numbered, table_rows, walk
from .found import Found

LABELS = {0: "anger", 1: "disgust", 2: "fear", 3: "happiness", 4: "sadness", 5: "surprise", 6: "neutral"}
COLUMNS = ("image", "face", "top", "left", "right", "bottom", "confidence", "label")     # boxes in this order


def read(root):
    """List every face with its box; faces of one photograph stay in one split."""
    root = Path(root)
    found = Found("expw", root, SEVEN, walk(root, folder(root, "image/origin")))
    found.each(table_rows(root / "label/label.lst", root, COLUMNS), lambda row: _take(found, row))
    found.note_unnamed()
    return found.listing()


def _take(found, row):
    top, left, right, bottom, confidence = (decimal(row[c], c) for c in COLUMNS[2:7])
    if right <= left or bottom <= top:
        raise BadRow(f"empty face box: left {left:g}, top {top:g}, right {right:g}, bottom {bottom:g}")
    box = (left, top, right, bottom)
    key = f"{row['face']} " + " ".join(f"{edge:g}" for edge in box)
    found.add(f"image/origin/{row['image']}", numbered(row["label"], LABELS), at=row, group=row["image"],
              box=box, confidence=confidence, key=key)


INFO = SetInfo(
    name="expw", title="ExpW", classes=SEVEN, image="photographs of any size with face boxes",
    terms="On request.", get="ask its authors (Chinese University of Hong Kong, Multimedia Laboratory)",
    layout="image/origin/*.jpg\nlabel/label.lst (name, face, top, left, right, bottom, confidence, label)",
    markers=("label/label.lst", "image/origin"), reader=read, folders=("ExpW",),
    counts={"all": dict(zip(LABELS.values(), (3671, 3995, 1088, 30537, 10559, 7060, 34883)))},
)
