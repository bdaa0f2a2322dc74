"""Points given by hand: the plain table of a grading, filled in, read back; no notebook runs again."""

import csv
import io
from pathlib import Path

from ..errors import InputError
from .grades import Grade, table, write
from .notebooks import regenerate, sources
from .submissions import Submission

NEEDED = {"student", "id", "lesson", "file", "problem"}


def retell(filled: Path, out: Path, *, columns: str = "plain", lesson: str | None = None, lessons=None,
           told=lambda line: None) -> list[Grade]:
    """Write a plain table, filled in by hand, as a table with those columns.

    Raises:
        InputError: the file is no plain table, or somebody has points that an exercise cannot earn.
    """
    grades = [one for one in read(filled, lessons) if lesson in (None, one.lesson)]
    if not grades:
        raise InputError(f"{filled} has no submission" + (f" for lesson {lesson}" if lesson else ""))
    write(out, table(grades, columns))
    waiting = sum(value is None for one in grades for value in one.points.values())
    told(f"{waiting} answer{'s wait' if waiting != 1 else ' waits'} for points by hand")
    return grades


def read(filled: Path, lessons=None) -> list[Grade]:
    """Return the grades of a plain table as a spreadsheet may have saved it: `;` for `,`, no leading zeros, a BOM."""
    try:
        text = filled.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{filled} cannot be read ({error}); expected a table saved as CSV, UTF-8") from None
    head = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",")
    if not NEEDED <= set(rows.fieldnames or ()):
        raise InputError(f"{filled} is no table of a grading; expected one written with --columns plain")
    possible = {path.stem[:2]: _possible(path) for path in lessons or sources()}
    return [_grade(row, possible, f"{filled}, line {rows.line_num}") for row in rows]


def _possible(source):
    """Return {grade_id: most points} of a lesson."""
    graded = [cell.metadata["nbgrader"] for cell in regenerate(source).cells if "nbgrader" in cell.metadata]
    return {about["grade_id"]: float(about["points"]) for about in graded if about["grade"]}


def _grade(row, possible, where):
    number = row["lesson"].zfill(2)
    if number not in possible:
        raise InputError(f"{where}: there is no lesson {number!r}; expected one of {', '.join(possible)}")
    of = possible[number]
    points = {name: _points(row.get(name), most, f"{where}, {name}") for name, most in of.items()}
    student = row["student"].removeprefix("'")               # as spreadsheets are kept from taking it for a formula
    return Grade(Submission(student, row["id"], Path(row["file"]) if row["file"] else None), number, of, points,
                 row["problem"])


def _points(text, most, where):
    """Return points, None where the cell is empty."""
    if not (text or "").strip():
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1
    if not 0 <= value <= most:
        raise InputError(f"{where}: {text!r} is no number of points; expected 0 to {most:g}, or nothing while it waits")
    return value
