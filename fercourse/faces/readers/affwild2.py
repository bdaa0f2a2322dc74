"""Aff-Wild2: aligned frames of videos, one text file of labels for each video and task."""

import re
from pathlib import Path

from ...errors import InputError
from ..emotions import SEVEN
from ..setinfo import SetInfo
from .common import MISSING, Row, axes, below, folder, numbered, opened, option, walk
from .found import Found

LABELS = {0: "neutral", 1: "anger", 2: "disgust", 3: "fear", 4: "happiness", 5: "sadness", 6: "surprise",
          7: "other", -1: None}
TASKS = {"expression": "EXPR", "valence_arousal": "VA"}
PARTS = {"train": "Train*", "val": "Valid*"}
COLUMNS = {"expression": ("label",), "valence_arousal": ("valence", "arousal")}


def read(root, task: str = "expression", every: int = 1):
    """List the annotated frames that were found and aligned.

    Line n of a video's text speaks of frame n, counted from 1; frames without a face are missing, which is
    normal and only counted.

    Args:
        task: `expression` or `valence_arousal`.
        every: take each so many frames; neighbouring ones differ little.
    """
    root = Path(root)
    if task not in TASKS:
        raise InputError(f"affwild2: task {task!r} is unknown; expected {' or '.join(TASKS)}")
    option("affwild2: every", every, 1)
    found = Found("affwild2", root, SEVEN, walk(root, folder(root, "cropped_aligned")))
    texts = folder(root, f"annotations/{TASKS[task]}_*", f"*/{TASKS[task]}_*")
    for split, pattern in PARTS.items():
        for path in sorted(texts.glob(f"{pattern}/*.txt")):
            rows = _frames(path, root, task, every)
            found.each(rows, lambda row, split=split: _take(found, row, split, task))
    found.notes.append("Aff-Wild2 has no public test labels")
    return found.listing(expected=tuple(PARTS))


def _frames(path, root, task, every):
    """Yield a Row for each annotated frame; columns are the frame, the video and the task's values."""
    index = {column: i for i, column in enumerate(("frame", "video", *COLUMNS[task]))}
    name = below(path, root)
    with opened(path) as text:
        lines = text.read().rstrip().splitlines()
    for frame, line in enumerate(lines[1:], 1):   # the first line is a header
        if (frame - 1) % every == 0:
            values = line.split(",") if line.strip() else []
            yield Row(name, frame + 1, [f"{frame:05d}.jpg", path.stem, *values], index)


def _take(found, row, split, task):
    if task == "expression":
        label, va = numbered(row["label"], LABELS), None
    else:
        label, va = None, axes(row["valence"], row["arousal"], missing=(-5,))
    if va is MISSING or (task == "expression" and label is None):
        return found.drop("frames marked as unlabelled")
    if label == "other":
        return found.drop("labelled other, which is none of the seven emotions")
    file = f"cropped_aligned/{row['video']}/{row['frame']}"
    if file not in found.sizes:
        return found.drop("annotated frames without an aligned face")
    found.add(file, label, split, row, group=re.sub(r"_(left|right)$", "", row["video"]), va=va)


INFO = SetInfo(
    name="affwild2", title="Aff-Wild2", classes=SEVEN, image="112x112 colour, aligned (unchecked)",
    terms="Agreement signed by permanent academic staff.",
    get="ask its authors (Imperial College London, iBUG)",
    layout="cropped_aligned/<video>/00001.jpg, …\n"
           "annotations/EXPR_Set/Training_Set/<video>.txt, … Validation_Set, … VA_Set\n"
           "or later names: EXPR_Classification_Challenge, VA_Estimation_Challenge, Train_Set",
    markers=("cropped_aligned",), reader=read, folders=("Aff-Wild2", "AffWild2"),
)
