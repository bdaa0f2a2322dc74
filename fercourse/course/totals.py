"""A term's points: the tables of several gradings, added up student by student."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from .grades import Grade, number, write
from .marks import current, delimiter_of, read, text_of

HEAD = ("student", "id")
TAIL = ("points", "by hand", "of")


@dataclass
class Student:
    """One student of a term.

    Attributes:
        keys: ids and names that rows had; `grades`: lesson -> what was earned; `tables`: lesson -> where that stands.
    """

    keys: set[tuple[str, str]]
    grades: dict[str, Grade] = field(default_factory=dict)
    tables: dict[str, Path] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Return the names in the tables, each once, whatever its case."""
        return _firsts((_name(one), one.submission.student.strip()) for one in self.grades.values())

    @property
    def ids(self) -> list[str]:
        """Return the ids in the tables, each once, whether a spreadsheet has dropped its zeros or not."""
        told = [one.submission for one in self.grades.values()]
        return _firsts((one.number, one.ident) for one in told if one.number)

    def add(self, one: Grade, lesson: str, table: Path):
        """Take what was earned in a lesson; raise InputError where there is something already."""
        if lesson in self.grades:
            raise InputError(f"{one.submission.student} has a row for lesson {lesson} in {self.tables[lesson]} and in "
                             f"{table}; give one of the two tables, or delete the row that is wrong")
        self.grades[lesson], self.tables[lesson] = one, table


def _firsts(pairs):
    """Return the first value of each key."""
    found = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return list(found.values())


def total(tables: list[Path], out: Path, told=lambda line: None) -> list[list]:
    """Write a table with a row a student and a column a lesson, the sum behind; return its rows, headings first.

    Rows of one id are one student's, and rows of one name: Moodle gives another id for each assignment. Only where a
    lesson has a name under several ids does the name join nothing.

    A lesson somebody did not hand in is an empty cell and counts as 0. What waits for a person is no part of the
    points: the column `by hand` says how much that is. `of` is the same for all, of all lessons in the tables.

    Args:
        tables: plain tables of gradings, with points by hand filled in or not; one may hold several lessons.
        told: gets a line of who was joined how, and of what waits.

    Raises:
        InputError: a table cannot be read, is none of a grading or older than the grading beside it, somebody has two
            rows for one lesson, there are no rows, or `out` is a table of a grading.
    """
    _check_place(out, tables)
    for filled in tables:
        current(filled)
    found = [(one, filled) for filled in tables for one in read(filled, whole=True, told=told)]
    if not found:
        raise InputError(f"{', '.join(map(str, tables))}: no submission in there; expected tables of a grading")
    namesakes = _namesakes([one for one, _ in found])
    students = sorted(_students(found, namesakes), key=lambda one: one.names[0].casefold())
    rows = [*_rows(students)]
    write(out, rows)
    for line in _remarks(students, namesakes):
        told(line)
    return rows


def _check_place(out, tables):
    """Raise InputError where `out` would take the place of anything but an earlier table of totals."""
    if out.is_dir():
        raise InputError(f"{out} is a folder; expected the table's own name, such as {out / 'totals.csv'}")
    if not out.exists():
        return
    try:
        text = text_of(out)
    except OSError as error:
        raise InputError(f"{out} cannot be read ({error.strerror}); choose another name with --out") from None
    head = next(csv.reader(io.StringIO(text), delimiter=delimiter_of(text)), [])
    if any(out.samefile(one) for one in tables if one.exists()) or tuple(head[-3:]) != TAIL or "lesson" in head:
        raise InputError(f"{out} is there already and no table of totals; choose another name with --out")


def _name(one):
    return one.submission.student.strip().casefold()


def _namesakes(grades):
    """Return the names that some lesson has under several ids."""
    ids = defaultdict(set)
    for one in grades:
        ids[one.lesson, _name(one)].add(one.submission.number)
    return {name for (_, name), found in ids.items() if len(found) > 1}


def _keys(one, namesakes):
    """Return what other rows of the same student may share: the id, and the name unless several have it."""
    keys = {("id", one.submission.number)} if one.submission.number else set()
    return keys if keys and _name(one) in namesakes else keys | {("name", _name(one))}


def _students(found, namesakes) -> list[Student]:
    """Return the students of (grade, table) pairs."""
    students = []
    for one, table in found:
        keys = _keys(one, namesakes)
        same = [student for student in students if student.keys & keys]
        whole = Student(keys.union(*(student.keys for student in same)))
        for student in same:
            for lesson, earlier in student.grades.items():
                whole.add(earlier, lesson, student.tables[lesson])
        whole.add(one, one.lesson, table)
        students = [student for student in students if student not in same] + [whole]
    return students


def _rows(students: list[Student]) -> Iterator[list]:
    """Yield the headings, then a row a student."""
    of = {lesson: sum(one.of.values()) for student in students for lesson, one in student.grades.items()}
    lessons = sorted(of)
    yield [*HEAD, *lessons, *TAIL]
    for student in students:
        points = {lesson: one.total for lesson, one in student.grades.items()}
        waiting = sum(one.of[name] for one in student.grades.values() for name, value in one.points.items()
                      if value is None)
        yield [student.names[0], student.ids[0] if len(student.ids) == 1 else "",
               *(number(points.get(lesson)) for lesson in lessons), number(sum(points.values())), number(waiting),
               number(sum(of.values()))]


def _remarks(students, namesakes):
    """Yield what somebody should know before they pass the table on."""
    if count := sum(len(student.ids) > 1 for student in students):
        yield (f"{count} student{'s' * (count != 1)} joined by name, with another id in each table, as Moodle gives "
               "one for every assignment; the column id is empty there")
    for student in students:
        if len(student.names) > 1:
            yield f"one id, so taken for one student: {', '.join(student.names)}"
    if namesakes:
        yield f"a name of several students, whom only their ids tell apart: {', '.join(sorted(namesakes))}"
    count = sum(value is None for student in students for one in student.grades.values()
                for value in one.points.values())
    if count:
        yield f"{count} answer{'s wait' if count != 1 else ' waits'} for points by hand, which are not in the sums yet"
