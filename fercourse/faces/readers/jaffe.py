"""JAFFE: 213 grey faces of ten women; everything is in the file's name."""

import re
from pathlib import Path

from ..emotions import SEVEN
from ..setinfo import SetInfo
from .common import walk, word
from .found import Found

NAME = re.compile(r"([A-Z]{2})\.(AN|DI|FE|HA|NE|SA|SU)(\d+)\.(\d+)\.tiff?", re.IGNORECASE)


def read(root):
    """List `KA.AN1.39.tiff`: person, class and number, serial (with gaps, so names are never generated)."""
    root = Path(root)
    sizes = walk(root, root)
    found = Found("jaffe", root, SEVEN, sizes)
    for file in sizes:
        match = NAME.fullmatch(Path(file).name)
        if match is None:
            found.reject("unknown label: expected a name like KA.AN1.39.tiff", file)
        else:
            found.add(file, word(match[2]), person=match[1].upper())
    return found.listing()


INFO = SetInfo(
    name="jaffe", title="JAFFE", classes=SEVEN, image="256x256 grey",
    terms="Restricted: on request, non-commercial research.", get="ask its authors (record on Zenodo)",
    layout="KA.AN1.39.tiff, … in one folder", markers=("[A-Z][A-Z].[A-Z][A-Z][0-9]*.tif*",),
    reader=read, folders=("JAFFE", "jaffedbase", "jaffe"),
    counts={"all": dict(zip(("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
                            (30, 29, 32, 31, 30, 31, 30)))},
)
