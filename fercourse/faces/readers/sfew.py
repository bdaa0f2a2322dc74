"""SFEW 2.0: film frames in class folders below Train and Val."""

from pathlib import Path

from ...errors import InputError
from ..emotions import SEVEN
from ..setinfo import SetInfo
from .common import BadRow, walk, word
from .found import Found

PARTS = {"Train": "train", "Val": "val", "Test": "test"}
WORDS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def read(root):
    """List the official train and val; test labels were never given out, such frames have none."""
    root = Path(root)
    if not any((root / part).is_dir() for part in ("Train", "Val")):
        raise InputError(f"{root} has neither a folder Train nor Val; unpack SFEW 2.0 there")
    found = Found("sfew", root, SEVEN, {})
    for part, split in PARTS.items():
        if (root / part).is_dir():
            _part(found, part, split)
    return found.listing(expected=("train", "val"))


def _part(found, part, split):
    listed = walk(found.root, found.root / part)
    found.sizes.update(listed)
    for file in listed:
        try:
            found.add(file, None if split == "test" else word(Path(file).parent.name), split)
        except BadRow as error:
            found.reject(str(error), file)


INFO = SetInfo(
    name="sfew", title="SFEW 2.0", classes=SEVEN, image="film frames, or supplied crops of 143x181",
    terms="On request.", get="ask its authors (Australian National University)",
    layout="Train/<Angry, Disgust, Fear, Happy, Neutral, Sad, Surprise>/*.png\nVal/<the same>/*.png",
    markers=("Train/Angry", "Train/Happy", "Val/Angry", "Val/Happy", "Train/Neutral"), reader=read,
    folders=("SFEW", "SFEW_2", "SFEW2.0"),
    counts={"train": dict(zip(WORDS, (178, 66, 98, 198, 150, 172, 96))),
            "val": dict(zip(WORDS, (77, 23, 47, 73, 86, 73, 57)))},
)
