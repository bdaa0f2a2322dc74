"""A term's points: the tables of several gradings, added up student by student."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .grades import Grade, number, whose, write
from .marks import read

HEAD = ("student", "id")
TAIL = ("points", "by hand", "of")


def total(tables: list[Path], out: Path, lessons=None, told=lambda line: None) -> list[list]:
    """Write a table with a row a student and a column a lesson, the sum behind; return its rows, headings first.

    A lesson somebody did not hand in is an empty cell and counts as 0. What waits for a person is no part of the
    points: the column `by hand` says how much that is. `of` is the same for all, of all lessons in the tables.

    Args:
        tables: plain tables of gradings, with points by hand filled in or not; one may hold several lessons.
        lessons: source files; default: the course's.
        told: gets a line of what may be one student in two rows, and of what waits.

    Raises:
        InputError: a table cannot be read or is none of a grading, somebody has two rows for one lesson, or `out` is
            a table of a grading.
    """
    _check_place(out, tables)
    found = {}
    for filled in tables:
        for one in read(filled, lessons, whole=True):
            before = found.setdefault(whose(one), (one, filled))
            if before[0] is not one:
                raise InputError(f"{one.submission.student} has a row for lesson {one.lesson} in {before[1]} and in "
                                 f"{filled}; give one of the two tables, or delete the row that is wrong")
    grades = [one for one, _ in found.values()]
    rows = [*_rows(grades)]
    write(out, rows)
    for line in _remarks(grades):
        told(line)
    return rows


def _check_place(out, tables):
    """Raise InputError where `out` would take the place of points that somebody gave."""
    if out.is_dir():
        raise InputError(f"{out} is a folder; expected the table's own name, such as {out / 'totals.csv'}")
    if not out.exists():
        return
    head = out.read_bytes().partition(b"\n")[0].decode("utf-8-sig", "replace").strip().split(",")
    if any(out.samefile(one) for one in tables if one.exists()) or tuple(head[-3:]) != TAIL or "lesson" in head:
        raise InputError(f"{out} is there already and no table of totals; choose another name with --out")


def _rows(grades: list[Grade]) -> Iterator[list]:
    """Yield the headings, then a row a student, by name."""
    of = {one.lesson: sum(one.of.values()) for one in grades}
    lessons = sorted(of)
    yield [*HEAD, *lessons, *TAIL]
    students = {}
    for one in grades:
        students.setdefault(whose(one)[:2], {})[one.lesson] = one
    for handed_in in sorted(students.values(), key=lambda them: _name(them).casefold()):
        first = next(iter(handed_in.values())).submission
        waiting = sum(_waiting(one) for one in handed_in.values())
        yield [first.student, first.ident,
               *(number(handed_in[lesson].total) if lesson in handed_in else "" for lesson in lessons),
               number(sum(one.total for one in handed_in.values())), number(waiting), number(sum(of.values()))]


def _name(handed_in):
    return next(iter(handed_in.values())).submission.student


def _waiting(one):
    return sum(one.of[name] for name, value in one.points.items() if value is None)


def _remarks(grades):
    """Yield what somebody should know before they pass the table on."""
    rows = {}
    for one in grades:
        rows.setdefault(one.submission.student.casefold(), {})[whose(one)[:2]] = one.submission.student
    twice = sorted(next(iter(found.values())) for found in rows.values() if len(found) > 1)
    if twice:
        yield (f"{', '.join(twice)}: the same name with another id, or with none, in another table, so in two rows; if "
               "they are one student, give both rows in the tables the same id")
    if count := sum(value is None for one in grades for value in one.points.values()):
        yield f"{count} answer{'s wait' if count != 1 else ' waits'} for points by hand, which are not in the sums yet"
