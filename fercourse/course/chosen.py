"""Which of a student's files counts for a lesson: the one that tells best what it answers; of those, the newest."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError
from . import submissions
from .submissions import Submission

SOLUTION = "### BEGIN SOLUTION"
SOLVED = "handed in the course's own edition, which holds the solutions: read it"


@dataclass(frozen=True)
class Opened:
    """A file that was handed in, read as far as it goes.

    Attributes:
        book: None where it could not be read; `problem` says why, else empty.
        lesson: None where neither cells nor name tell; `by_cells`: the cells told.
        solved: it is the course's own edition, with the solutions marked as such.
    """

    submission: Submission
    book: object
    problem: str
    lesson: str | None
    by_cells: bool
    solved: bool = False

    @property
    def whose(self):
        """Return what tells one student from another."""
        return self.submission.student, self.submission.ident

    @property
    def rank(self):
        """Return what is larger for a file that is more likely meant; times are seconds since 1970."""
        return self.by_cells, self.book is not None, not self.solved, self.time

    @property
    def time(self):
        """Return when the file was changed, in seconds since 1970; 0 where there is none."""
        return self.submission.path.lstat().st_mtime if self.submission.path else 0


def number_of(lesson: str | None, lessons) -> str | None:
    """Return the number, such as `"02"`, of a lesson called `2`, `02` or `02_wscfer`; None stays None.

    Args:
        lessons: {number: source file}.

    Raises:
        InputError: no lesson is called so.
    """
    if lesson is None:
        return None
    for number, path in lessons.items():
        if lesson in (number, str(int(number)), path.stem):
            return number
    raise InputError(f"there is no lesson {lesson!r}; expected one of {', '.join(p.stem for p in lessons.values())}")


def choose(found: list[Submission], lessons, lesson: str | None = None, told=lambda line: None) -> list[tuple]:
    """Return (submission, notebook or None, lesson, problem), one for each student and lesson.

    A file that tells no lesson counts only for a student none of whose files tells one. Who has only other lessons
    than the one wanted is there without a notebook.

    Args:
        lessons: numbers of lessons; `lesson`: the only one wanted, default: all.
        told: gets one line a student some of whose files do not count.

    Raises:
        InputError: no file tells its lesson and none was named, or nobody handed in the one that was.
    """
    opened = [_open(one, lessons) for one in found]
    assumed = lesson or _usual(opened)
    telling = {one.whose for one in opened if one.lesson}
    counting = {}
    for one in opened:
        number = one.lesson or (None if one.whose in telling else assumed)
        if number is None or lesson not in (None, number):
            continue
        key = (*one.whose, number)
        if key not in counting or one.rank > counting[key].rank:
            counting[key] = one
    if not counting or (telling and not any(one.lesson or one.book is not None for one in counting.values())):
        raise InputError(f"nobody handed in lesson {lesson}; choose another with --lesson, or leave it out for all")
    _tell(opened, counting, told)
    for one in opened:
        if lesson and one.lesson and (*one.whose, lesson) not in counting:
            counting[(*one.whose, lesson)] = replace(one, book=None, problem=(
                f"handed in lesson {one.lesson}, and nothing for lesson {lesson}"))
    return [(one.submission, one.book, number, one.problem) for (_, _, number), one in counting.items()]


def _open(submission, lessons):
    try:
        book, problem = submissions.read(submission), ""
    except InputError as error:
        book, problem = None, str(error)
    names = [Path(submission.inside)] if submission.inside else []
    told = (submissions.lesson_of(book, name, lessons) for name in (*names, submission.path))
    by_cells = submissions.lesson_of(book, None, lessons) is not None
    solved = book is not None and any(SOLUTION in cell.source for cell in book.cells if cell.cell_type == "code")
    problem = problem or SOLVED * solved
    return Opened(submission, book, problem, next(filter(None, told), None), by_cells, solved)


def _usual(opened):
    """Return the lesson that most files tell."""
    usual = Counter(one.lesson for one in opened if one.lesson).most_common(1)
    if not usual:
        raise InputError("no submission tells which lesson it answers; say so with --lesson, such as --lesson 01")
    return usual[0][0]


def _tell(opened, counting, told):
    """Tell which files do not count, and why."""
    aside, kept = defaultdict(list), {one.submission for one in counting.values()}
    for one in opened:
        if one.submission not in kept:
            instead = counting.get((*one.whose, one.lesson))
            why = one.problem or (_behind(one, instead) if instead else
                                  f"lesson {one.lesson}" if one.lesson else "tells no lesson")
            aside[one.whose].append(f"{one.submission.name} ({why})" if one.submission.name else why)
    for (student, _), files in aside.items():
        told(f"{student}: set aside {', '.join(files)}")


def _behind(one, other):
    """Return why another file of the same lesson comes first."""
    if one.time > other.time:
        return f"newer than {other.submission.name}, but its cells do not tell the lesson"
    return f"{'older' if one.time < other.time else 'not newer'} than {other.submission.name}"
