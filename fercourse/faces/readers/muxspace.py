"""muxspace: faces from the web with crowd labels, the one real set that downloads without a request."""

import re
from pathlib import Path

from ..emotions import EMOTIONS
from ..setinfo import SetInfo
from .common import BadRow, csv_rows, folder, walk, word
from .found import Found

PERSON = re.compile(r"(.+)_\d{4}\.jpe?g", re.IGNORECASE)    # Labeled Faces in the Wild names files by person


def read(root):
    """List images/*.jpg of data/legend.csv; `user.id` is the annotator, so people come from file names."""
    root = Path(root)
    found = Found("muxspace", root, EMOTIONS, walk(root, folder(root, "images")))
    rows = csv_rows(root / "data/legend.csv", root, ["user.id", "image", "emotion"])
    found.each(rows, lambda row: _take(found, row))
    found.note_unnamed()
    return found.listing()


def _take(found, row):
    if not row["image"]:
        raise BadRow("truncated row: no image")
    person = PERSON.fullmatch(row["image"])
    found.add(f"images/{row['image']}", word(row["emotion"]), at=row, person=person and person[1])


INFO = SetInfo(
    name="muxspace", title="muxspace facial expressions", classes=EMOTIONS,
    image="350x350 grey or small colour",
    terms="Apache-2.0 by its repository, which can hardly speak for the photographs: many are of named people, from "
          "Labeled Faces in the Wild. Treat as research only.", get="`fercourse data get muxspace`",
    layout="images/*.jpg\ndata/legend.csv (user.id, image, emotion)", markers=("data/legend.csv",),
    reader=read, folders=("facial_expressions", "facial_expressions-master"),
    counts={"all": {"neutral": 6868, "happiness": 5696, "surprise": 368, "sadness": 268, "anger": 252,
                    "disgust": 208, "fear": 21, "contempt": 9}},
)
