"""RAF-DB, basic expressions: aligned faces and one list of labels."""

from pathlib import Path

from ...errors import InputError
from ..emotions import SEVEN
from ..setinfo import SetInfo
from .common import BadRow, folder, numbered, table_rows, walk
from .found import Found

LABELS = {1: "surprise", 2: "fear", 3: "disgust", 4: "happiness", 5: "sadness", 6: "anger", 7: "neutral"}
LISTS = ("EmoLabel/list_patition_label.txt", "EmoLabel/list_partition_label.txt")      # the first is spelt so


def read(root):
    """List the aligned faces, 100x100; train and test are official (the file's prefix)."""
    root = Path(root)
    labels = next((root / name for name in LISTS if (root / name).is_file()), None)
    if labels is None:
        raise InputError(f"{root / LISTS[0]} is missing; restore it from the original set")
    found = Found("rafdb", root, SEVEN, walk(root, folder(root, "Image/aligned")))
    found.each(table_rows(labels, root, ("file", "label")), lambda row: _take(found, row))
    found.note_unnamed()
    return found.listing(expected=("train", "test"))


def _take(found, row):
    name, label = row["file"], numbered(row["label"], LABELS)
    split = name.split("_")[0]
    if split not in ("train", "test"):
        raise BadRow(f"unknown part: {name!r} begins neither with train_ nor with test_")
    path = Path("Image/aligned") / name
    found.add(path.with_name(f"{path.stem}_aligned{path.suffix}").as_posix(), label, split, row)


INFO = SetInfo(
    name="rafdb", title="RAF-DB (basic)", classes=SEVEN, image="100x100 colour, aligned",
    terms="On request, non-commercial research, no passing on (as stated for the sister set RAF-CE).",
    get="ask its authors (whdeng.cn/RAF)",
    layout="EmoLabel/list_patition_label.txt\nImage/aligned/train_00001_aligned.jpg, …",
    markers=(*LISTS, "Image/aligned"), reader=read, folders=("basic", "RAF-DB", "RAF-DB/basic", "RAFDB"),
    counts={"train+val": dict(zip(LABELS.values(), (1290, 281, 717, 4772, 1982, 705, 2524))),
            "test": dict(zip(LABELS.values(), (329, 74, 160, 1185, 478, 162, 680)))},
)
