"""The student edition, `notebooks/student/NN_name.ipynb`: a lesson without solutions, hidden tests, outputs.

nbgrader's own preprocessors (extra `instructor`) take things out; what students get is a plain notebook that needs
nothing but the course. `problems` tells what is stale or leaks, without nbgrader.
"""

import ast
import re
from collections import Counter
from pathlib import Path

import nbformat

from ..errors import InputError, with_extra
from ..files import write_text
from .notebooks import (
    BRANCH,
    REPOSITORY,
    SETUP,
    badge,
    grade_id,
    grading,
    named,
    other_edition,
    regenerate,
    student_badge,
    text_of,
)

WRITTEN_STUB = "*Your answer: write it here, in place of this line.*"
STUDENT_SETUP = SETUP + '''
elif os.path.basename(os.getcwd()) == "student":                       # paths are told from the lessons' folder
    os.chdir("..")'''
KEPT_METADATA = {"tags", "nbgrader", "cellView", "deletable", "editable"}
REGION = re.compile(r"^[ \t]*### BEGIN (SOLUTION|HIDDEN TESTS)\n((?:(?![ \t]*### (?:BEGIN|END)).*\n)*)[ \t]*### END \1",
                    re.MULTILINE)                            # no line is looked at twice, whoever wrote the text
MARK = re.compile(r"### (BEGIN|END) (SOLUTION|HIDDEN TESTS)")
CHECKER = re.compile(r"fc\.check\.(lesson\d\d)\.(\w+)\(")
FUNCTION = re.compile(r"^def (\w+)\(", re.MULTILINE)       # the answer is its body
VALUE = re.compile(r"^### BEGIN SOLUTION\n(\w+) = ")        # the answer is a value, and no function
COMMAND = "fercourse course release"


def nbgrader():
    """Return the package nbgrader's preprocessors, or say how to get them.

    Raises:
        InputError: nbgrader is not installed.
    """
    try:
        from nbgrader import preprocessors
    except ImportError:
        raise InputError(f"nbgrader is not installed; install the extra: {with_extra('instructor')}") from None
    return preprocessors


def edition(source: Path) -> Path:
    """Return where the student edition of a lesson is."""
    return source.parent / "student" / f"{source.stem}.ipynb"


def student(source: Path):
    """Return the student edition of a lesson: stubs in place of solutions, nothing executed, its own badge.

    Raises:
        InputError: nbgrader is not installed, or refuses the lesson.
    """
    book = regenerate(source)
    if wrong := faults(book):
        raise InputError(f"{source.name}: {wrong[0]}")
    tools = nbgrader()
    try:
        book = applied(locked(book), tools.ClearHiddenTests(), tools.ClearMarkScheme(), tools.ComputeChecksums(),
                       tools.CheckCellMetadata())
    except Refused as error:
        raise InputError(f"{source.name}: {error}") from error
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = relinked(cell.source.replace(other_edition(source), _about(source)), source)
        cell.source = STUDENT_SETUP if cell.source == SETUP else cell.source
        cell.metadata.pop("lines_to_next_cell", None)          # jupytext's own
    book.metadata.pop("jupytext", None)                        # not paired: a sync would bring the solutions back
    return named(book)


def faults(book) -> list[str]:
    """Return what nbgrader would refuse without saying where: names, points and marks of graded cells."""
    names = Counter(name for cell in book.cells if (name := grade_id(cell)))
    found = [f"{n} cells have the grade_id {name!r}; give each its own" for name, n in names.items() if n > 1]
    for cell in book.cells:
        about = grading(cell)
        if about.get("grade") and not isinstance(about.get("points"), (int, float)):
            found.append(f"cell {grade_id(cell)} is graded and has no points; write \"points\": 1 into its first line")
        if _unpaired(cell.source):
            found.append(f"cell {grade_id(cell) or repr(cell.source[:40])} must have ### BEGIN SOLUTION (or HIDDEN "
                         "TESTS) and ### END SOLUTION in pairs; one is missing or mistyped")
    return found


def _unpaired(text):
    """Return whether some mark of a solution or of hidden tests has no other one."""
    marks = MARK.findall(text)
    return [("BEGIN", what) for _, what in marks[1::2]] != marks[::2] or any(edge != "END" for edge, _ in marks[1::2])


def behind(source: Path) -> str:
    """Return a sentence where the solved lesson, a notebook with outputs, is older than its source; else nothing."""
    path = source.with_suffix(".ipynb")
    if not path.is_file() or _texts(nbformat.read(path, as_version=4)) == _texts(regenerate(source)):
        return ""
    return (f"the solved lesson {path.name} is older than {source.name}; run `python -m fercourse.course.notebooks "
            f"build {source.stem[:2]}`, or `reword {source.stem[:2]}` if only prose has changed")


def _texts(book):
    return [(cell.cell_type, cell.source, grading(cell)) for cell in book.cells]


def locked(book):
    """Return a lesson with its solutions made stubs and its checksums computed; hidden tests are still there."""
    tools = nbgrader()
    book = applied(book, tools.LockCells())
    stubs = _stubs(book)
    for cell in book.cells:
        clear = tools.ClearSolutions(code_stub={"python": stubs.get(grade_id(cell), "")}, text_stub=WRITTEN_STUB)
        _call(clear.preprocess_cell, cell, {"language": "python"}, 0)
    return applied(book, tools.ClearOutput(), tools.CheckCellMetadata(), tools.ComputeChecksums())


def applied(book, *steps):
    """Return a notebook after nbgrader's preprocessors.

    Raises:
        InputError: one of them refuses it.
    """
    for step in steps:
        book, _ = _call(step.preprocess, book, {})
    return book


def _call(step, *arguments):
    try:
        return step(*arguments)
    except Exception as error:                                 # RuntimeError, ValidationError, others
        raise Refused(f"nbgrader refuses the lesson: {error}") from error


class Refused(InputError):
    """A lesson that nbgrader does not take."""


def _about(source):
    """Return what a student edition says of itself."""
    here = f"{REPOSITORY}/blob/{BRANCH}"
    return ("This is the student edition, without solutions and outputs. On Colab, first choose *File → Save a copy in "
            "Drive*, or your answers are lost with the runtime. *The run shown here* is that of the "
            f"[solved lesson]({here}/notebooks/{source.stem}.ipynb); your numbers will differ a little. "
            f"[How to work with a lesson]({here}/docs/students.md) has more.")


def _stubs(book):
    """Return {grade_id: what stands in place of a solution}: what is asked, and where help is."""
    stubs, name, value, function = {}, None, None, None
    for cell in book.cells:
        about = grading(cell)
        if about.get("solution") and cell.cell_type == "code":
            name = about["grade_id"]
            value, function = VALUE.search(cell.source), FUNCTION.search(cell.source)
            stubs[name] = 'raise NotImplementedError("write this: the task is told above")'
        elif about.get("grade") and name and (call := CHECKER.search(cell.source)):
            stubs[name] = _stub(*call.groups(), function and function[1], value and value[1])
            name = None
    return stubs


def _stub(lesson, name, function=None, value=None):
    """Return a comment that says what is asked, and a line to replace: of a value, None, so that the rest runs."""
    from .. import check
    found = getattr(getattr(check, lesson, None), name, None)
    asked = (found.__doc__ or "").strip().splitlines()[:1] if found else []
    stuck = f"stuck? fc.check.{lesson}.{name}.hint()"
    stop = f'raise NotImplementedError("{function or name} is not written yet; {stuck}")'
    stop = f"{value} = None        # {stuck}" if value else stop
    return "\n".join([*(f"# {line}" for line in asked), stop])


def relinked(text: str, source: Path) -> str:
    """Return a text with the badge of the student edition, and with links that hold one folder further down."""
    text = text.replace(badge(source), student_badge(source))
    lesson = r"\d\d_\w+\.ipynb"
    return re.sub(rf"\]\((?!https?:|mailto:|#|{lesson}[)#])([^)\s]+)\)", r"](../\1)", text)


# ---------------------------------------------------------------------- writing, and what is wrong with what is there

def build(source: Path) -> Path:
    """Write the student edition of a lesson, whole or not at all; untouched where nothing changed.

    Raises:
        InputError: nbgrader is missing or refuses the lesson, or a solution would leak.
    """
    book, path = student(source), edition(source)
    if found := leaks(source, book):
        raise InputError(f"{source.name} would give its solutions away: {found[0]}")
    nbformat.validate(book)
    text = text_of(book)
    if not path.is_file() or path.read_text("utf-8") != text:
        write_text(path, text)
    return path


def problems(source: Path) -> list[str]:
    """Return one sentence for everything wrong with a committed edition; staleness is seen where nbgrader is."""
    path = edition(source)
    found = [line for line in [behind(source)] if line]
    if not path.is_file():
        return [*found, f"{path.name} has no student edition; run `{COMMAND}`"]
    book = nbformat.read(path, as_version=4)
    found += leaks(source, book)
    try:
        nbgrader()
    except InputError:
        return found
    if path.read_text("utf-8") != text_of(student(source)):
        found.append(f"the student edition {path.name} is older than its lesson; run `{COMMAND}`")
    return found


def leaks(source: Path, book) -> list[str]:
    """Return what a student edition gives away: lines and names of solutions, outputs, metadata, attachments."""
    lesson = regenerate(source)
    text = "\n".join(cell.source for cell in book.cells)
    lines = {line.strip() for line in text.splitlines()}
    secret, names = secrets(lesson)
    found = [f"a line of a solution: {line}" for line in sorted(secret & lines)]
    found += [f"a name that only solutions use: {name}" for name in sorted(names) if re.search(rf"\b{name}\b", text)]
    for cell in book.cells:
        if cell.get("outputs") or cell.get("attachments") or cell.get("execution_count"):
            found.append(f"outputs or attachments in {grade_id(cell) or cell.source[:40]!r}")
        if extra := set(cell.metadata) - KEPT_METADATA:
            found.append(f"metadata {', '.join(sorted(extra))} in {grade_id(cell) or cell.source[:40]!r}")
    if MARK.search(text):
        found.append("a mark of a solution or of hidden tests")
    own = badge(source)
    if own in text or (own in lesson.cells[0].source
                       and student_badge(source) not in text):
        found.append("the badge does not open the student edition")
    return found


def secrets(lesson) -> tuple[set[str], set[str]]:
    """Return the lines and the names that stand in a lesson's solutions and hidden tests, and nowhere else in it."""
    hidden, shown = [], []
    for cell in lesson.cells:
        about = grading(cell)
        if cell.cell_type == "markdown" and about.get("solution"):
            hidden.append(cell.source)
            continue
        hidden += [match[2] for match in REGION.finditer(cell.source)]
        shown.append(REGION.sub("", cell.source))
    open_lines = {line.strip() for text in shown for line in text.splitlines()}
    words = set(re.findall(r"\w+", "\n".join(shown)))
    lines = {line.strip() for text in hidden for line in text.splitlines()}
    lines = {line for line in lines if len(re.findall(r"\w+", line)) > 1} - open_lines
    return lines, {name for text in hidden for name in _assigned(text) if len(name) > 2} - words - _asked(lesson)


def _assigned(text):
    """Return the names a piece of Python gives values to; none if it is prose."""
    from textwrap import dedent
    try:
        tree = ast.parse("def f():\n" + "".join(f"    {line}\n" for line in dedent(text).splitlines()))
    except SyntaxError:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _asked(lesson):
    """Return the words of the stubs: what checkers ask for may use a solution's words."""
    return set(re.findall(r"\w+", "\n".join(_stubs(lesson).values())))
