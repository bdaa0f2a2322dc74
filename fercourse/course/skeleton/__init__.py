"""The beginning of a new lesson, with all that `lint` asks for: `python -m fercourse.course.notebooks new 08_name`."""

import re
from pathlib import Path

from ...errors import InputError
from ...files import write_text
from ..notebooks import ROOT, SETUP, badge, other_edition

PARTS = {"lesson.txt": "notebooks/{name}.py", "checkers.txt": "fercourse/check/lesson{number}.py",
         "answers.txt": "tests/check/test_lesson{number}.py"}


def begin(name: str, root: Path = ROOT) -> list[Path]:
    """Write the source of a lesson such as `08_name`, its checkers, and answers that try these; return their paths.

    Raises:
        InputError: that is no name of a lesson, or its number is taken.
    """
    if not re.fullmatch(r"\d\d_[a-z0-9_]+", name):
        raise InputError(f"{name!r} is no name of a lesson; expected two digits and a word, such as 08_pose")
    number = name[:2]
    places = [root / place.format(name=name, number=number) for place in PARTS.values()]
    if taken := [*root.glob(f"notebooks/{number}_*.py"), *filter(Path.exists, places)]:
        raise InputError(f"{taken[0]} is there already; expected a number that no lesson has, or delete that file")
    words = {"NUMBER": number, "ONE": str(int(number)), "BADGE": badge(places[0]), "OTHER": other_edition(places[0]),
             "SETUP": SETUP}
    for part, place in zip(PARTS, places):
        text = Path(__file__).with_name(part).read_text("utf-8")
        write_text(place, re.sub("__([A-Z]+)__", lambda found: words[found[1]], text))
    return places
