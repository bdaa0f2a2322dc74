"""Examine submissions: run each in its lesson's shape, and say what it earns and what is odd about it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

import nbformat

from ..errors import InputError
from .grades import Grade
from .inside import DEAF, LATE
from .notebooks import grade_id, grading, regenerate
from .release import applied, locked, nbgrader, student
from .restored import merged
from .retyped import regained
from .sandbox import Limits, run
from .unfinished import Unfinished

PRIVATE = "\n### BEGIN HIDDEN TESTS\n"
ALONE = ("import ", "from ")                                 # begins a cell that exercises cannot do without


@dataclass(frozen=True)
class Asked:
    """What a lesson asks.

    Attributes:
        released: the lesson as it was given out, with private tests; its tests and texts are locked.
        stubs: {grade_id: what stands in an answer's cell before anybody has answered}.
        solved: the lesson with its own solutions, and private tests.
    """

    released: object
    stubs: dict[str, str]
    solved: object

    @classmethod
    def of(cls, path, tests):
        """Return what the lesson at a path asks, and private tests with it."""
        stubs = _stubs(path)
        return cls(locked(_with_tests(regenerate(path), tests)), stubs, _with_tests(regenerate(path), tests))

    @property
    def most(self) -> dict[str, float]:
        """Return {grade_id: most points} of the exercises."""
        return {grade_id(cell): float(cell.metadata.nbgrader.points) for cell in self.released.cells
                if grading(cell).get("grade")}


def _with_tests(book, tests):
    """Return a lesson with private tests added to its test cells."""
    for cell in book.cells:
        if text := tests.get(grade_id(cell)):
            about = cell.metadata.nbgrader
            if not about.grade or about.solution:
                raise InputError(f"private tests for {grade_id(cell)!r}, which is no test cell; "
                                 f"expected a name such as {grade_id(cell)}-test")
            cell.source += f"{PRIVATE}{text}\n### END HIDDEN TESTS"
    return book


def _stubs(path):
    """Return {grade_id: what stands in an answer's cell before anybody has answered}."""
    return {grade_id(cell): cell.source.strip() for cell in student(path).cells
            if cell.cell_type == "code" and grading(cell).get("solution")}


@dataclass
class Examiner:
    """Marks submissions, several at a time, until given up.

    Attributes:
        asked: {number of a lesson: what it asks}.
        secret: folders and files that must look empty to a submission.
        kept: what is finished is written down there, and what it has is not run.
        finished: {place of a submission: its grade}, without those that may have been stopped half-way.
    """

    asked: dict[str, Asked]
    limits: Limits
    secret: list[Path]
    told: Callable[[str], None]
    kept: Unfinished
    given_up: Event = field(default_factory=Event)
    finished: dict[int, Grade] = field(default_factory=dict)

    def grades(self) -> list[Grade]:
        """Return what is finished, in the order of the submissions."""
        return [self.finished[i] for i in sorted(self.finished)]

    def mark(self, i, item):
        """Grade one of what `choose` returns, and say so, unless it was given up."""
        earned = self.kept.earned(item, self._nothing(*item))
        if not earned:
            earned = self._grade(*item)
            if self.given_up.is_set():
                return
            self.kept.keep(item, earned)
        self.finished[i] = earned
        self.told(f"{earned.submission.student}: {earned.total:g} of {sum(earned.of.values()):g}"
                  + (f" ({earned.problem})" if earned.problem else ""))

    def expect_all(self, i, lesson):
        """Raise InputError unless a lesson's own solution earns all points: else tests would cost everybody some.

        Exercises alone are quick, and show that all is well; whether something is wrong, the whole lesson must say.
        """
        solved = self.asked[lesson].solved
        short = nbformat.from_dict(solved)
        short.cells = [cell for cell in short.cells if grade_id(cell) or cell.source.startswith(ALONE)]
        if not self._missed(short) or self.given_up.is_set():
            return
        self.told(f"lesson {lesson}: its exercises alone do not earn all points; its whole solution runs now, which "
                  "takes minutes")
        if (missed := self._missed(solved)) and not self.given_up.is_set():
            raise InputError(f"lesson {lesson}: its own solution does not pass {missed}; nobody was graded: mend the "
                             "tests or the lesson, and grade again")

    def _missed(self, solved):
        """Return which test a solution does not pass, and why; empty where it passes all."""
        book = nbformat.from_dict(solved)
        ran = run(book, self.limits, self.secret, self.given_up)
        _fill(book, ran.outputs)
        for cell in book.cells:
            about = grading(cell)
            if about.get("grade") and not about.get("solution") and _points(cell) < about.points:
                own = " with its hidden tests" if PRIVATE in cell.source else ""
                why = [f"{one.ename}: {one.evalue}" for one in cell.outputs if one.output_type == "error"]
                return f"{grade_id(cell)}{own} ({'; '.join(filter(None, [*why, ran.stopped]))})"
        return ""

    def _nothing(self, submission, book, lesson, problem):
        most = self.asked[lesson].most
        return Grade(submission, lesson, most, dict.fromkeys(most, 0.0), problem)

    def _grade(self, submission, book, lesson, problem):
        nothing = self._nothing(submission, book, lesson, problem)
        if book is None:
            return nothing
        try:
            return self._graded(nothing, book)
        except Exception as error:                           # one submission must never end the grading of the others
            nothing.problem = "could not be graded, damaged or unlike its lesson: hand it in again"
            self.told(f"{submission.student} could not be graded ({type(error).__name__}: {error})")
            return nothing

    def _graded(self, nothing, book):
        """Run a notebook in its lesson's shape; return the grade that it earns in place of `nothing`."""
        asked = self.asked[nothing.lesson]
        book, missing = regained(book, asked.released)
        book = merged(book, asked.released)
        ran = run(book, self.limits, self.secret, self.given_up)
        _fill(book, ran.outputs)
        book = applied(book, nbgrader().LimitOutput())
        points = {grade_id(cell): _points(cell) for cell in book.cells if grading(cell).get("grade")}
        problems = [nothing.problem, *(f"{name}: its cell is missing" for name in missing), ran.stopped,
                    *_late(book, self.limits), *_ended(book), *_given(book, points, asked.stubs)]
        return replace(nothing, points={name: points.get(name, 0.0) for name in nothing.of},
                       problem="; ".join(filter(None, problems)), book=book)


def _fill(book, outputs):
    """Put the outputs into the cells; nbgrader gives full marks for silence, so a cell that never ended says so."""
    count = 0
    for i, cell in enumerate(book.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = outputs[i] if i in outputs else [nbformat.v4.new_output(
            "error", ename="NotRun", evalue="this cell did not come to its end",
            traceback=["This cell did not come to its end."])]


def _late(book, limits):
    """Tell which cells ran too long, if any did."""
    late = [cell for cell in book.cells if _end(cell) in ("KeyboardInterrupt", LATE, DEAF)]
    if late:
        yield (f"{len(late)} cell{'s' * (len(late) > 1)} ran longer than {limits.cell:g} s: "
               + ", ".join(map(_called, late)))


def _ended(book):
    """Tell in which cell Python came to its end, or was ended, if it did not come to the notebook's."""
    ran = [cell for cell in book.cells if cell.cell_type == "code" and cell.source.strip()]
    lost = [cell for cell in ran if _end(cell) == "NotRun"]
    if lost and _end(ran[-1]) == "NotRun":                   # outputs alone may get lost in the middle
        deaf = [f"{_called(cell)} went on though it was interrupted" for cell in ran if _end(cell) == DEAF]
        rest = len(lost) - (not deaf)
        yield ((deaf or [f"Python ended in {_called(lost[0])}"])[0]
               + (f"; {rest} cell{'s' * (rest != 1)} after it did not run" if rest else ""))


def _end(cell):
    """Return the name of the error that a cell ended with, if any."""
    return next((one.get("ename") for one in cell.get("outputs", ())[-1:]), None)


def _given(book, points, stubs):
    """Tell of tests that gave points though the answer before them is still the stub: code that cheats can do so."""
    name = None
    for cell in book.cells:
        about = grading(cell)
        if about.get("solution") and cell.cell_type == "code":
            name = grade_id(cell) if cell.source.strip() == stubs.get(grade_id(cell)) else None
        elif about.get("grade") and not about.get("solution"):
            if name and points.get(grade_id(cell)):
                yield f"{name}: points without an answer in its cell, read the notebook"
            name = None


def _called(cell):
    """Return how a cell is told of: by its number on the feedback page, and the exercise."""
    return f"cell {cell.execution_count} ({grade_id(cell) or 'not graded'})"


def _points(cell):
    """Return a graded cell's points by nbgrader's rule, but a warning on stderr costs nothing; None: by hand."""
    from nbgrader.utils import determine_grade
    judged = nbformat.from_dict(cell)
    if judged.cell_type == "code":
        judged.outputs = [one for one in judged.outputs if one.get("name") != "stderr"]
    return determine_grade(judged)[0]
