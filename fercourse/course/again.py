"""Some of a class graded again: only their files run, and only their rows of the table change."""

import unicodedata
from difflib import get_close_matches
from pathlib import Path

from ..errors import InputError
from . import marks
from .grades import Grade, whose
from .submissions import Submission


def earlier(out: Path, columns: str) -> list[Grade]:
    """Return the rows of the table at `out`, none where there is no table yet.

    Raises:
        InputError: it is no plain table or older than the last grading, or another kind is wanted, which cannot tell
            what waits for points by hand.
    """
    if columns != "plain":
        raise InputError(f"a grading of some students changes rows of the plain table, not of one for {columns}; leave "
                         "out --columns, and make that table from the plain one afterwards")
    if not out.exists():
        return []
    marks.current(out)
    return marks.read(out, whole=True)


def only(found: list[Submission], students: list[str]) -> list[Submission]:
    """Return what those students handed in; a student is named as the table names them, or by the id.

    Raises:
        InputError: nobody is called so.
    """
    wanted = {unicodedata.normalize("NFC", student).strip().casefold() for student in students}
    known = {name.casefold(): name for one in found for name in (one.student, one.ident) if name}
    for student in sorted(wanted - known.keys()):
        near = [known[name] for name in get_close_matches(student, known, n=3)]
        raise InputError(f"nobody called {student!r} handed in anything"
                         + (f"; did you mean {', '.join(near)}?" if near else "; expected a name as the table has it"))
    return [one for one in found if {one.student.casefold(), one.ident.casefold()} & wanted]


def among(grades: list[Grade], before: list[Grade]) -> list[Grade]:
    """Return earlier rows with new ones in their places, and at the end new ones of whom there were none."""
    new = {whose(one): one for one in grades}
    return [new.pop(whose(one), one) for one in before] + list(new.values())
