"""What submissions earned, as tables: our own, and those that Moodle and Canvas take."""

import csv
import html
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from ..files import replacing, try_place
from .submissions import Submission

COLUMNS = ("plain", "moodle", "canvas")
FORMULA = re.compile("[=+@\\t\\r-]")


@dataclass
class Grade:
    """What one submission earned.

    Attributes:
        points: {grade_id: points}, None where a person must mark; `of`: {grade_id: most possible}.
        problem: one sentence where something went wrong, else empty.
        book: the executed notebook, None if it could not be read.
        comment: what a person says to the student, a line an exercise; empty without one.
        carried: the exercises whose points a person gave to an earlier hand-in, and should look at again.
    """

    submission: Submission
    lesson: str
    of: dict[str, float]
    points: dict[str, float | None]
    problem: str = ""
    book: object = field(default=None, repr=False)
    comment: str = ""
    carried: set[str] = field(default_factory=set)

    @property
    def total(self) -> float:
        """Return the points so far, those by hand left out."""
        return sum(value for value in self.points.values() if value is not None)


def whose(one: Grade) -> tuple:
    """Return what tells one row from another: the id, where there is one, as spreadsheets change letters of names."""
    ident = one.submission.number
    return ident or one.submission.student, bool(ident), one.lesson


def known(columns):
    """Raise InputError unless there are such columns."""
    if columns not in COLUMNS:
        raise InputError(f"there are no columns {columns!r}; expected one of {', '.join(COLUMNS)}")


def one_lesson(columns, found):
    """Raise InputError if the columns hold one lesson and several were found."""
    if columns != "plain" and len(found) != 1:
        raise InputError(f"{columns} takes one lesson at a time, but here are {', '.join(sorted(found))}; "
                         "choose one with --lesson")


def table(grades: list[Grade], columns: str) -> list[list]:
    """Return the rows of a table, its headings first.

    Raises:
        InputError: unknown columns, or several lessons where they hold one.
    """
    known(columns)
    one_lesson(columns, {one.lesson for one in grades})
    return list({"plain": _plain, "moodle": _moodle, "canvas": _canvas}[columns](grades))


def nameless(grades: list[Grade], columns: str) -> str:
    """Return a sentence about rows that Moodle or Canvas may not know whose they are, empty where there are none."""
    count = sum(not one.submission.ident for one in grades)
    if columns == "plain" or not count:
        return ""
    return f"{count} of {len(grades)} have no id; {columns.capitalize()} may not match these rows"


def probe(out: Path):
    """Raise InputError now, and not after hours of grading, where a table and pages beside it cannot be written."""
    if out.is_dir():
        raise InputError(f"{out} is a folder; expected the table's own name, such as {out / 'grades.csv'}")
    try:
        if sys.platform == "win32" and out.exists():
            out.open("r+b").close()                          # refused while Excel shows it; others may replace it
    except OSError as error:
        raise InputError(f"{out} cannot be written over ({error.strerror}); expected a table that no program holds: "
                         "close it where it is open, such as in Excel, or choose another --out") from error
    page = out.with_name("written.html")
    if page.is_dir():
        raise InputError(f"{page} is a folder, where the page of written answers goes; move it away")
    for place in (out, page, out.parent / "feedback" / "a page"):
        try_place(place)


def write(out: Path, rows, before: Path | None = None, columns: str = "plain"):
    """Write rows as CSV, none of whose cells a spreadsheet takes for a formula.

    Args:
        before: name that a table already there gets; None: it is replaced.
        columns: those of the rows; plain ones begin with a mark by which Excel knows that names are UTF-8.

    Raises:
        InputError: it cannot be written.
    """
    encoding = "utf-8-sig" if columns == "plain" else "utf-8"
    with replacing(out, before) as part, part.open("w", encoding=encoding, errors="replace", newline="") as file:
        csv.writer(file).writerows(harmless(rows))


def harmless(rows) -> list[list]:
    """Return rows none of whose values a spreadsheet takes for a formula; `plain_text` takes the mark away again."""
    return [[f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value for value in row]
            for row in rows]


def plain_text(text: str) -> str:
    """Return what a cell said before `harmless`."""
    return text[1:] if text.startswith("'") and FORMULA.match(text[1:]) else text


def number(value):
    """Return points as text, without zeros at the end; None is empty."""
    return "" if value is None else f"{value:g}"


def _plain(grades):
    names = list(dict.fromkeys(name for one in grades for name in one.of))
    yield ["student", "id", "lesson", "file", *names, "points", "by hand", "of", "problem",
           "comment"]
    for one in grades:
        yield [one.submission.student, one.submission.ident, one.lesson,
               one.submission.name,
               *(number(one.points.get(name)) for name in names), number(one.total), _by_hand(one),
               number(sum(one.of.values())), one.problem, one.comment]


def _by_hand(one):
    return number(sum(one.of[name] for name, value in one.points.items() if value is None))


def _remark(one):
    """Return what Moodle shows as HTML."""
    waiting = f"{_by_hand(one)} more points are marked by hand." if _by_hand(one) != "0" else ""
    parts = (f"{name} {number(value)}/{number(one.of[name])}" for name, value in one.points.items()
             if value is not None)
    said = [html.escape(text, quote=False).replace("\n", "<br>") for text in (one.problem, one.comment)]
    return " ".join(filter(None, ["; ".join(parts) + ".", waiting, *said]))


def _moodle(grades):
    # Moodle refuses a table without the last column; left empty, it spares grades that somebody changed in Moodle.
    yield ["Identifier", "Full name", "Grade", "Maximum grade", "Feedback comments", "Last modified (grade)"]
    for one in grades:
        ident = f"Participant {one.submission.ident}" if one.submission.ident else ""
        yield [ident, one.submission.student, number(one.total), number(sum(one.of.values())), _remark(one), ""]


def _canvas(grades):
    yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", f"fercourse {grades[0].lesson}"]
    yield ["    Points Possible", "", "", "", "", number(sum(grades[0].of.values()))]
    for one in grades:
        yield [one.submission.student, one.submission.ident, "", "", "", number(one.total)]
