"""Answers in cells that lost their metadata, or that stand beside an untouched stub: known by what they say."""

import ast
import builtins
import re

import nbformat

from .notebooks import grade_id
from .release import REGION

DEFINED = re.compile(r"^(?:async def|def|class)[ \t]+(\w+)", re.MULTILINE)
LINK = re.compile(r"\]\([^()\n]*\)")


def regained(book, released):
    """Return a submission whose answers bear their names again, and the names of answers that are nowhere.

    A nameless cell that says what a missing cell of the lesson says is that cell. An unanswered exercise gets the last
    nameless cell that makes what it asks for, a written one the student's own text around its stub or below its
    question.
    """
    ours = {grade_id(cell): cell for cell in released.cells if grade_id(cell)}
    cells, missing = [nbformat.from_dict(cell) for cell in book.cells], []
    _name_copies(cells, ours)
    course = {_text(cell) for cell in released.cells}
    for name, own in ours.items():
        if not own.metadata.nbgrader.solution or _answered(cells, name, own):
            continue
        free = [not grade_id(cell) and _text(cell) not in course for cell in cells]
        if own.cell_type == "code":
            _regain_code(cells, free, name, ours, released)
        else:
            _regain_text(cells, free, name, list(ours))
        if all(grade_id(cell) != name for cell in cells):
            missing.append(name)
    return nbformat.v4.new_notebook(cells=cells), missing


def _name_copies(cells, ours):
    """Name nameless cells that say what a missing cell says, and no other cell of the lesson.

    A question is known by its first line: its wording may have been mended since it was handed out.
    """
    said = {name: _text(own) for name, own in ours.items()}
    said |= {name: said[name].partition("\n")[0] for name, own in ours.items()
             if own.cell_type == "markdown" and own.metadata.nbgrader.locked}
    here = {grade_id(cell) for cell in cells}
    for name, text in said.items():
        same = [cell for cell in cells if not grade_id(cell)
                and text in (_text(cell), _text(cell).partition("\n")[0]) and cell.cell_type == ours[name].cell_type]
        if name not in here and same and list(said.values()).count(text) == 1:
            _call(same[0], name)


def _answered(cells, name, own):
    """Return whether the cell that counts for an answer says something of its own."""
    return any(_text(cell) not in ("", _text(own)) for cell in [one for one in cells if grade_id(one) == name][-1:])


def _regain_code(cells, free, name, ours, released):
    """Name the last free cell that makes what an answer must make; stubs of that name go."""
    wanted = _made(name, ours, released)
    fits = [cell for cell, is_free in zip(cells, free)
            if is_free and cell.cell_type == "code" and wanted and wanted <= _bound(cell.source)]
    if fits:
        cells[:] = [cell for cell in cells if grade_id(cell) != name]
        _call(fits[-1], name)


def _regain_text(cells, free, name, names):
    """Put a student's free text cells around a stub, or below the question, into one cell of that name."""
    place = {grade_id(cell): i for i, cell in enumerate(cells)}
    question = names[names.index(name) - 1] if names.index(name) else None
    first = place.get(name, place.get(question))
    if first is None:
        return
    is_text = [is_free and cell.cell_type != "code" for cell, is_free in zip(cells, free)]
    end = first + 1
    while end < len(cells) and is_text[end]:
        end += 1
    while name in place and first and is_text[first - 1]:
        first -= 1
    if added := [i for i in range(first, end) if is_text[i]]:
        answer = nbformat.v4.new_markdown_cell("\n\n".join(cells[i].source for i in added))
        _call(answer, name)
        cells[first if name in place else first + 1:end] = [answer]


def _call(cell, name):
    cell.metadata["nbgrader"] = nbformat.from_dict({"grade_id": name})


def _text(cell):
    """Return what a cell says, whatever its empty lines, indents, link targets and hidden tests."""
    lines = LINK.sub("]()", REGION.sub("", cell.source)).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())


# ---------------------------------------------------------------------- names in code

def test_of(name, ours):
    """Return the name of the test of an answer, None if it has none."""
    following = list(ours)[list(ours).index(name) + 1:]
    for other in following:
        about = ours[other].metadata.nbgrader
        if about.solution or about.grade:
            return None if about.solution else other
    return None


def _made(name, ours, released):
    """Return the names that an answer must make: those of its stub, else what only its test asks for."""
    if made := _bound(ours[name].source):
        return made
    test = test_of(name, ours)
    asked = {node.id for node in ast.walk(_tree(REGION.sub("", ours[test].source))) if isinstance(node, ast.Name)
             } if test else set()
    return asked - {one for cell in released.cells if cell.cell_type == "code" for one in _bound(cell.source)
                    } - set(dir(builtins))


def _bound(source):
    """Return the names that a cell's code makes at its outermost level, as far as it can be read."""
    found = set(DEFINED.findall(source))
    for node in _tree(source).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                found.add(part.id)
            elif isinstance(part, ast.alias):
                found.add((part.asname or part.name).partition(".")[0])
    return found


def _tree(source):
    """Return the syntax tree of a cell, without IPython's own lines; an empty one for what is no Python."""
    try:
        return ast.parse(re.sub(r"^[ \t]*[%!?].*$", "", source, flags=re.MULTILINE))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse("")
