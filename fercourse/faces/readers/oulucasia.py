"""Oulu-CASIA: sequences from neutral to the peak, under two cameras and three lights."""

from pathlib import Path

from ...errors import InputError
from ..emotions import SEVEN
from ..setinfo import SetInfo
from .common import BadRow, walk, word
from .found import Found
from .sequences import add_sequence, begun_late, by_folder, check_options

PEAKS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
PEOPLE = 80


def read(root, camera: str = "VL", light: str = "Strong", last: int = 3, neutral: bool = True):
    """List the last frames of each sequence under its class, and the first as neutral.

    Args:
        camera: `VL` (visible) or `NI` (near infrared).
        light: `Strong`, `Weak` or `Dark`.
        last, neutral: as for CK+.
    """
    check_options("oulucasia", last, neutral)
    root = Path(root)
    tops = (root / name / str(light) for name in (f"{camera}", f"{camera}_Acropped"))
    top = next((path for path in tops if path.is_dir()), None)
    if top is None:
        raise InputError(f"{root} has no folder {camera}/{light} or {camera}_Acropped/{light}; "
                         "choose camera VL or NI and light Strong, Weak or Dark")
    found = Found("oulucasia", root, SEVEN, walk(root, top))
    sequences = by_folder(found.sizes)
    for sequence, frames in sequences.items():
        _take(found, sequence, frames, last, neutral)
    if neutral:
        found.notes += begun_late(sequences.values(), 0)
    return found.listing()


def _take(found, sequence, frames, last, neutral):
    person = sequence.parent.name
    try:
        label = word(sequence.name)
        if not (person.startswith("P") and person[1:].isdigit()):
            raise BadRow(f"unknown person: folder {person!r}, expected P001, P002, …")
    except BadRow as error:
        return found.reject(f"{error}; its {len(frames)} frames are left out", sequence.as_posix())
    add_sequence(found, frames, label, last, neutral, person, f"{person}/{sequence.name}")


INFO = SetInfo(
    name="oulucasia", title="Oulu-CASIA", classes=SEVEN, image="320x240, or cropped",
    terms="Agreement (unchecked).", get="ask its authors (University of Oulu)",
    layout="VL/Strong/P001/<Anger, Disgust, Fear, Happiness, Sadness, Surprise>/000.jpeg, …\n"
           "or VL_Acropped/Strong/…",
    markers=("VL/Strong", "VL_Acropped/Strong", "NI/Strong", "VL*/*/P0*", "NI*/*/P0*"),
    reader=read, folders=("Oulu-CASIA", "Oulu_CASIA", "OuluCASIA", "OriginalImg"),
    counts={"all": {**dict.fromkeys(PEAKS, 3 * PEOPLE), "neutral": PEOPLE * len(PEAKS)}},
)
