"""KDEF: 70 people, two sessions, seven expressions, five angles; everything is in the file's name."""

import re
from pathlib import Path

from ...errors import InputError
from ..emotions import SEVEN
from ..setinfo import SetInfo
from .common import walk, word
from .found import Found

NAME = re.compile(r"([AB])([FM])(\d\d)(AF|AN|DI|HA|NE|SA|SU)(FL|HL|S|HR|FR)\.jpe?g", re.IGNORECASE)
ANGLES = ("FL", "HL", "S", "HR", "FR")            # full left, half left, straight, half right, full right
GENDERS = {"F": "woman", "M": "man"}


def read(root, angles=ANGLES):
    """List `AF01AFS.JPG`: session, sex, number, class, angle. One person is sex and number, both sessions.

    Args:
        angles: those to take, such as `("S",)` for frontal faces, or `("HL", "S", "HR")`, as text `HL,S,HR`.
    """
    root = Path(root)
    chosen = angles.split(",") if isinstance(angles, str) else angles
    if not isinstance(chosen, (list, tuple, set)) or not chosen:
        raise InputError(f"kdef: angles is {angles!r}; expected some of {', '.join(ANGLES)}")
    if wrong := [angle for angle in chosen if angle not in ANGLES]:
        raise InputError(f"kdef: angle {wrong[0]!r} is unknown; expected some of {', '.join(ANGLES)}")
    sizes = walk(root, root)
    found = Found("kdef", root, SEVEN, sizes)
    for file in sizes:
        _take(found, file, chosen)
    return found.listing()


def _take(found, file, angles):
    match = NAME.fullmatch(Path(file).name)
    if match is None:
        return found.reject("unknown label: expected a name like AF01AFS.JPG (two are misnamed)", file)
    session, sex, number, label, angle = (part.upper() for part in match.groups())
    if angle not in angles:
        return found.drop("taken from other angles than asked for")
    found.add(file, "fear" if label == "AF" else word(label), person=sex + number, gender=GENDERS[sex],
              angle=angle, session=session)


INFO = SetInfo(
    name="kdef", title="KDEF", classes=SEVEN, image="562x762 colour",
    terms="Made for research; terms unchecked.", get="ask the Karolinska Institutet (kdef.se)",
    layout="KDEF/AF01/AF01AFS.JPG, …", markers=("[AB][FM][0-9][0-9]",), reader=read,
    folders=("KDEF", "KDEF_and_AKDEF", "KDEF_and_AKDEF/KDEF"), counts={"all": dict.fromkeys(SEVEN, 700)},
)
