"""AFEW-VA: film clips with valence, arousal and landmarks for every frame."""

import json
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..emotions import SEVEN
from ..setinfo import SetInfo
from .common import BadRow, axes, below, walk
from .found import Found
from .sequences import by_folder

CLIPS = 600


def read(root):
    """List every annotated frame; whole clips (and all clips of one actor, where named) stay in one split."""
    root = Path(root)
    texts = sorted(root.glob("*/*/*.json")) or sorted(root.glob("*/*.json"))
    if not texts:
        raise InputError(f"{root} has no clip annotations such as 01/001/001.json; unpack the set there")
    found = Found("afewva", root, SEVEN, walk(root, root))
    clips = {place.as_posix(): frames for place, frames in by_folder(found.sizes).items()}
    for path in texts:
        frames = clips.pop(below(path.parent, root), [])
        _clip(found, path, {Path(file).stem: file for file in frames})
    for clip in clips:
        found.reject("missing annotation: the clip has frames but no json", clip)
    if len(texts) != CLIPS:
        found.notes.append(f"{len(texts)} clips, published are {CLIPS}")
    return found.listing()


def _clip(found, path, images):
    try:
        content = json.loads(path.read_text("utf-8"))
        frames, actor = content["frames"].items(), content.get("actor")
        if not isinstance(actor, str | None):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return found.reject("unreadable annotation: expected json with frames", below(path, found.root))
    clip = below(path.parent, found.root)
    for frame, values in frames:
        try:
            found.add(images.get(frame, f"{clip}/{frame}.png"), person=actor, group=clip, **_values(values))
        except BadRow as error:
            found.reject(str(error), f"{below(path, found.root)}, frame {frame}")


def _values(values):
    try:
        points = np.array(values["landmarks"], dtype=np.float32)
        if points.shape != (68, 2):
            raise ValueError
        pair = axes(values["valence"], values["arousal"], missing=(), scale=10)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise BadRow("truncated frame: expected landmarks (68 pairs), valence and arousal") from None
    return {"va": pair, "landmarks": points}


INFO = SetInfo(
    name="afewva", title="AFEW-VA", classes=(), image="film frames", terms="Agreement.",
    get="ask its authors (Imperial College London, iBUG)",
    layout="01/001/00000.png, … and one json a clip (frames: landmarks, valence, arousal)",
    markers=("01/001", "[0-9][0-9]/[0-9][0-9][0-9]"), reader=read, folders=("AFEW-VA",),
)
