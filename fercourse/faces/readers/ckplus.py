"""CK+: sequences from neutral to the peak (`ckplus`), and the 48-pixel copy of their last frames (`ck48`)."""

import re
from pathlib import Path

from ...errors import InputError
from ..emotions import EMOTIONS
from ..setinfo import SetInfo
from .common import BadRow, below, folder, numbered, opened, walk, word
from .found import Found
from .sequences import add_sequence, begun_late, by_folder, check_options

LABELS = {0: "neutral", 1: "anger", 2: "contempt", 3: "disgust", 4: "fear", 5: "happiness", 6: "sadness",
          7: "surprise"}
PEAKS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
SEQUENCES = (45, 18, 59, 25, 69, 28, 83)          # 327 labelled ones; a third of the 48-pixel copy's counts


def read(root, last: int = 3, neutral: bool = True):
    """List the last frames of each labelled sequence under its label, and its first frame as neutral.

    A sequence without a text file has no label; it is counted, not called neutral. A lost frame is rejected as missing;
    where the first is lost, which nothing else tells, the next is taken for it, and a note says so.

    Args:
        last: how many frames at the end carry the label.
        neutral: whether to take first frames, as is usual though the set does not label them.
    """
    check_options("ckplus", last, neutral)
    root = Path(root)
    images, labels = folder(root, "cohn-kanade-images"), folder(root, "Emotion", "Emotion_labels")
    found = Found("ckplus", root, EMOTIONS, walk(root, images))
    texts = {below(path.parent, labels): path for path in sorted(labels.glob("*/*/*_emotion.txt"))}
    sequences = {below(root / place, images): frames for place, frames in by_folder(found.sizes).items()}
    for name, frames in sequences.items():
        _take(found, name, frames, texts.get(name), last, neutral)
    if neutral:
        found.notes += begun_late([frames for name, frames in sequences.items() if name in texts], 1)
    for name in sorted(set(texts) - set(sequences)):
        found.reject("missing images: the sequence has a label but no frames", below(texts[name], root))
    return found.listing()


def _take(found, name, frames, text, last, neutral):
    if text is None:
        return found.drop("frames of unlabelled sequences", len(frames))
    try:
        label = _label(text)
    except BadRow as error:
        return found.reject(f"{error}; its {len(frames)} frames are left out", below(text, found.root), 1)
    peak = Path(frames[-1]).with_name(f"{text.name.removesuffix('_emotion.txt')}.png").as_posix()
    frames = sorted({*frames, peak})              # a lost peak is rejected as missing; no other frame steps in
    add_sequence(found, frames, label, last, neutral, name.split("/")[0], name)


def _label(path):
    with opened(path) as text:
        content = text.read().split()
    if len(content) != 1:
        raise BadRow(f"truncated label file: {len(content)} values, expected one number")
    return numbered(content[0], LABELS)


INFO = SetInfo(
    name="ckplus", title="CK+", classes=EMOTIONS, image="640x490, mostly grey",
    terms="Signed agreement.", get="ask the University of Pittsburgh (Affect Analysis Group)",
    layout="cohn-kanade-images/S005/001/S005_001_00000001.png, …\n"
           "Emotion/S005/001/S005_001_00000011_emotion.txt, …",
    markers=("cohn-kanade-images",), reader=read, folders=("CK+", "CKplus", "ck+"),
    counts={"all": {**dict(zip(PEAKS, (3 * n for n in SEQUENCES))), "neutral": sum(SEQUENCES)}},
)


# ---------------------------------------------------------------------- CK+48

FRAME = re.compile(r"(S\d+)_(\d+)_(\d+)\.png", re.IGNORECASE)


def read48(root):
    """List CK+48: a folder for each class, three frames a sequence, no neutral faces."""
    root = Path(root)
    if not any(path.is_dir() for path in root.iterdir()):
        raise InputError(f"{root} has no class folders; expected anger, contempt, disgust, …")
    sizes = walk(root, root)
    found = Found("ck48", root, tuple(w for w in EMOTIONS if w in PEAKS), sizes)
    for file in sizes:
        try:
            _take48(found, file)
        except BadRow as error:
            found.reject(str(error), file)
    return found.listing()


def _take48(found, file):
    match, label = FRAME.fullmatch(Path(file).name), word(Path(file).parent.name)
    if label == "neutral":
        raise BadRow("unknown label: neutral, which CK+48 does not have")
    if match is None:
        raise BadRow("unknown file name: expected S<person>_<sequence>_<frame>.png")
    found.add(file, label, person=match[1], group=f"{match[1]}_{match[2]}")


INFO48 = SetInfo(
    name="ck48", title="CK+48", classes=tuple(w for w in EMOTIONS if w in PEAKS), image="48x48 grey",
    terms="Signed agreement, as for CK+.", get="derived from CK+; ask for CK+",
    layout="CK+48/<class>/S005_001_00000011.png, …", markers=("*/S*_*_*.png",),
    reader=read48, folders=("CK+48",), counts={"all": dict(zip(PEAKS, (3 * n for n in SEQUENCES)))},
)
