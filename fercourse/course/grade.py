"""Grade a folder of submissions: points per exercise as CSV, a feedback page a student, written answers on one page.

nbgrader's preprocessors and its rule for points (extra `instructor`), without its server and database. Tests in a
student's own process can be fooled by code that means to: read what earns full marks too easily.
"""

import csv
import html
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from ..errors import InputError
from ..files import replacing
from . import submissions
from .notebooks import ROOT, regenerate, sources
from .release import REGION, applied, locked, nbgrader
from .sandbox import Limits, run
from .submissions import Submission

COLUMNS = ("plain", "moodle", "canvas")
NO_SCRIPTS = ('<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'; '
              'img-src data:; font-src data:">')


@dataclass
class Grade:
    """What one submission earned.

    Attributes:
        points: {grade_id: points}, None where a person must mark; `of`: {grade_id: most possible}.
        problem: one sentence where something went wrong, else empty.
        book: the executed notebook, None if it could not be read.
    """

    submission: Submission
    lesson: str
    of: dict[str, float]
    points: dict[str, float | None]
    problem: str = ""
    book: object = field(default=None, repr=False)

    @property
    def total(self) -> float:
        """Return the points so far, those by hand left out."""
        return sum(value for value in self.points.values() if value is not None)


def grade(folder: Path, out: Path, *, columns: str = "plain", hidden: Path | None = None, lesson: str | None = None,
          limits: Limits = Limits(), jobs: int = 1, lessons=None, told=lambda line: None) -> list[Grade]:  # noqa: B008
    """Grade every submission below a folder, and write `out`, `feedback/` and `written.html` beside it.

    Args:
        hidden: folder of private tests, `GRADE_ID.py` each, added to the test cell of that name.
        lesson: such as `"01"`; everything handed in is taken for it.
        lessons: source files; default: the course's.
        told: gets one line a submission.

    Raises:
        InputError: wrong arguments; never for what a student handed in.
    """
    _known(columns)
    released = {path.stem[:2]: path for path in (sources([lesson] if lesson else ()) if lessons is None else lessons)}
    tests = _tests(hidden)
    handed_in = _opened(submissions.find(folder), released, lesson)
    needed = {number for _, _, number, _ in handed_in}
    _one_lesson(columns, needed)
    released = {number: locked(_with_tests(regenerate(released[number]), tests)) for number in needed}
    if unknown := tests.keys() - {_name(cell) for book in released.values() for cell in book.cells}:
        told(f"private tests of other lessons left aside: {', '.join(sorted(unknown))}")
    secret = [place for place in (folder, hidden, out.parent / "feedback") if place]

    def one(item):
        found = _graded(*item, released[item[2]], limits, secret)
        told(f"{found.submission.student}: {found.total:g} of {sum(found.of.values()):g}"
             + (f" ({found.problem})" if found.problem else ""))
        return found
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        grades = list(pool.map(one, handed_in))
    write(out, table(grades, columns))
    _write_pages(grades, out)
    return grades


def _known(columns):
    if columns not in COLUMNS:
        raise InputError(f"there are no columns {columns!r}; expected one of {', '.join(COLUMNS)}")


def _one_lesson(columns, found):
    if columns != "plain" and len(found) != 1:
        raise InputError(f"{columns} takes one lesson at a time, but here are {', '.join(sorted(found))}; "
                         "choose one with --lesson")


# ---------------------------------------------------------------------- reading

def _opened(found, lessons, lesson):
    """Return (submission, notebook or None, lesson, problem) of each student's newest file for a lesson."""
    opened = []
    for submission in found:
        try:
            book, problem = submissions.read(submission), ""
        except InputError as error:
            book, problem = None, str(error)
        number = lesson[:2] if lesson else submissions.lesson_of(book, submission.path, lessons)
        opened.append((submission, book, number, problem))
    usual = Counter(number for _, _, number, _ in opened if number).most_common(1)
    if not usual:
        raise InputError("no submission tells which lesson it answers; say so with --lesson, such as --lesson 01")
    newest = {}
    for submission, book, number, problem in opened:
        key = (submission.student, submission.ident, number or usual[0][0])
        age = submission.path.lstat().st_mtime if submission.path else 0
        if key not in newest or age > newest[key][0]:
            newest[key] = (age, (submission, book, key[2], problem))
    return [item for _, item in newest.values()]


def _tests(hidden):
    """Return {grade_id: text} of private tests."""
    if hidden is None:
        return {}
    if not hidden.is_dir():
        raise InputError(f"{hidden} is not a folder; expected private tests in it, GRADE_ID.py each")
    if hidden.resolve().is_relative_to(ROOT):
        raise InputError(f"{hidden} lies inside the course's own folder, where tests do not stay private; move it out")
    return {path.stem: path.read_text("utf-8").rstrip() for path in sorted(hidden.glob("*.py"))}


def _with_tests(book, tests):
    """Return a lesson with private tests added to its test cells."""
    for cell in book.cells:
        if text := tests.get(_name(cell)):
            about = cell.metadata.nbgrader
            if not about.grade or about.solution:
                raise InputError(f"private tests for {_name(cell)!r}, which is no test cell; "
                                 f"expected a name such as {_name(cell)}-test")
            cell.source += f"\n### BEGIN HIDDEN TESTS\n{text}\n### END HIDDEN TESTS"
    return book


def _name(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


# ---------------------------------------------------------------------- grading

def _graded(submission, book, lesson, problem, released, limits, secret):
    of = {_name(cell): float(cell.metadata.nbgrader.points) for cell in released.cells
          if cell.metadata.get("nbgrader", {}).get("grade")}
    nothing = Grade(submission, lesson, of, dict.fromkeys(of, 0.0), problem)
    if book is None:
        return nothing
    try:
        book = submissions.merged(book, released)
        ran = run(book, limits, secret)
        _fill(book, ran.outputs)
        book = applied(book, nbgrader().LimitOutput())
        points = {_name(cell): _points(cell) for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade")}
        late = sum(one.get("ename") in ("KeyboardInterrupt", "Timeout") for cell in book.cells
                   for one in cell.get("outputs", ())[-1:])
        problem = ran.stopped or (f"{late} cell{'s' * (late > 1)} ran longer than {limits.cell:g} s" if late else "")
        return Grade(submission, lesson, of, {name: points.get(name, 0.0) for name in of}, problem, book)
    except Exception as error:                               # one submission must never end the grading of the others
        nothing.problem = f"could not be graded: {type(error).__name__}: {error}"
        return nothing


def _fill(book, outputs):
    """Put the outputs into the cells; nbgrader gives full marks for silence, so a cell that never ended says so."""
    count = 0
    for i, cell in enumerate(book.cells):
        if cell.cell_type != "code":
            continue
        if i in outputs:
            count += 1
            cell.outputs, cell.execution_count = outputs[i], count
        elif cell.source.strip():
            cell.outputs = [nbformat.v4.new_output("error", ename="NotRun", evalue="this cell did not come to its end",
                                                   traceback=["This cell did not come to its end."])]


def _points(cell):
    """Return a graded cell's points by nbgrader's rule, but a warning on stderr costs nothing; None: by hand."""
    from nbgrader.utils import determine_grade
    told = nbformat.from_dict(cell)
    if told.cell_type == "code":
        told.outputs = [one for one in told.outputs if one.get("name") != "stderr"]
    return determine_grade(told)[0]


# ---------------------------------------------------------------------- writing

def table(grades: list[Grade], columns: str) -> list[list]:
    """Return the rows of a table, its headings first.

    Raises:
        InputError: unknown columns, or several lessons where they hold one.
    """
    _known(columns)
    _one_lesson(columns, {one.lesson for one in grades})
    return list({"plain": _plain, "moodle": _moodle, "canvas": _canvas}[columns](grades))


def write(out: Path, rows):
    """Write rows as CSV, none of whose cells a spreadsheet takes for a formula."""
    with replacing(out) as part, part.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[_harmless(value) for value in row] for row in rows])


def _write_pages(grades, out):
    names = Counter()
    for one in grades:
        stem = "".join(c if c.isalnum() or c in "-_." else "-" for c in one.submission.student).strip(".") or "student"
        stem = f"{stem[:80]}-{one.lesson}"
        names[stem] += 1
        stem += f"-{names[stem]}" if names[stem] > 1 else ""
        with replacing(out.parent / "feedback" / f"{stem}.html") as part:
            part.write_text(feedback(one), encoding="utf-8")
    with replacing(out.parent / "written.html") as part:
        part.write_text(written(grades), encoding="utf-8")


def _harmless(value):
    """Return a value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def _number(value):
    return "" if value is None else f"{value:g}"


def _plain(grades):
    names = list(dict.fromkeys(name for one in grades for name in one.of))
    yield ["student", "id", "lesson", "file", *names, "points", "by hand", "of", "problem"]
    for one in grades:
        yield [one.submission.student, one.submission.ident, one.lesson,
               one.submission.path.name if one.submission.path else "",
               *(_number(one.points.get(name)) for name in names), _number(one.total), _by_hand(one),
               _number(sum(one.of.values())), one.problem]


def _by_hand(one):
    return _number(sum(one.of[name] for name, value in one.points.items() if value is None))


def _remark(one):
    waiting = f"{_by_hand(one)} more points are marked by hand." if _by_hand(one) != "0" else ""
    parts = (f"{name} {_number(value)}/{_number(one.of[name])}" for name, value in one.points.items()
             if value is not None)
    return " ".join(filter(None, ["; ".join(parts) + ".", waiting, one.problem]))


def _moodle(grades):
    # Moodle refuses a table without the last column; left empty, it spares grades that somebody changed in Moodle.
    yield ["Identifier", "Full name", "Grade", "Maximum grade", "Feedback comments", "Last modified (grade)"]
    for one in grades:
        ident = f"Participant {one.submission.ident}" if one.submission.ident else ""
        yield [ident, one.submission.student, _number(one.total), _number(sum(one.of.values())), _remark(one), ""]


def _canvas(grades):
    yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", f"fercourse {grades[0].lesson}"]
    yield ["    Points Possible", "", "", "", "", _number(sum(grades[0].of.values()))]
    for one in grades:
        yield [one.submission.student, one.submission.ident, "", "", "", _number(one.total)]


def feedback(one: Grade) -> str:
    """Return a student's page: the notebook as it ran, and points at each exercise; hidden tests are not shown."""
    if one.book is None:
        told = html.escape(one.problem)
        return f"<!doctype html><meta charset=utf-8><title>Feedback</title><h1>0 points</h1><p>{told}</p>"
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions import formgrader
    book = nbformat.from_dict(one.book)
    for cell in book.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade"):
            about.update(score=one.points[_name(cell)] or 0, points=one.of[_name(cell)])
        if about.get("solution"):
            waits = about.get("grade") and one.points[_name(cell)] is None
            about["comment"] = "Points for this answer are given by a person." if waits else None
        _covered(cell)
    home = Path(formgrader.__file__).parent
    exporter = HTMLExporter(template_name="feedback", extra_template_basedirs=[str(home / "templates")],
                            extra_template_paths=[str(home / "static/node_modules/bootstrap/dist/css")])
    title = html.escape(", ".join(filter(None, [one.submission.student, f"lesson {one.lesson}", one.problem])))
    score = {"score": one.total, "max_score": sum(one.of.values()), "late_penalty": 0, "notebook": title}
    text, _ = exporter.from_notebook_node(book, {"nbgrader": score, "metadata": {"name": title}})
    return text.replace("<head>", f"<head>{NO_SCRIPTS}", 1)


def _covered(cell):
    """Take hidden tests out of a cell, and tracebacks that would quote them."""
    if cell.cell_type != "code" or not REGION.search(cell.source):
        return
    cell.source = REGION.sub("# (hidden tests)", cell.source)
    for output in cell.outputs:
        if output.output_type == "error":
            output["traceback"] = [f"{output.ename}: {output.evalue}"]


def written(grades) -> str:
    """Return one page with all written answers, question by question, as plain text."""
    page = ["<!doctype html><html lang=en><meta charset=utf-8><title>Written answers</title>", NO_SCRIPTS,
            "<style>body{font:16px/1.5 sans-serif;max-width:48em;margin:2em auto;padding:0 1em}"
            "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f4;padding:1em}</style>"
            "<h1>Written answers</h1>"]
    questions = dict.fromkeys(name for one in grades for name, value in one.points.items() if value is None)
    for question in questions:
        answers = [one for one in grades if one.points.get(question, 0) is None]
        page.append(f"<h2>{question} ({_number(answers[0].of[question])} points)</h2>")
        for one in answers:
            text = next(cell.source for cell in one.book.cells if _name(cell) == question)
            page.append(f"<h3>{html.escape(one.submission.student)}</h3><pre>{html.escape(text)}</pre>")
    return "\n".join(page if questions else [*page, "<p>No written answer waits for marking.</p>"]) + "\n"
