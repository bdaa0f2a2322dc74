"""A submission in its lesson's shape: the lesson's own cells again, with the student's answers in them."""

import nbformat

from .notebooks import grade_id
from .retyped import test_of


def merged(book, released):
    """Return a submission in its lesson's shape, ready to run.

    Locked cells are the lesson's own again, whatever was done to them; of copies the last counts; a test that is gone
    or stands before its answer comes back behind it; in place of an answer that is nowhere, an empty one stands before
    its test; everything the student added stays where it is.
    """
    ours = {name: cell for cell in released.cells if (name := grade_id(cell))}
    last = {grade_id(cell): i for i, cell in enumerate(book.cells)}
    cells = []
    for i, cell in enumerate(book.cells):
        name = cell.metadata.pop("nbgrader", {}).get("grade_id")
        if name in ours and last[name] == i:
            cells.append(_restored(cell, ours[name]))
        elif name not in ours or not ours[name].metadata.nbgrader.locked:
            cells.append(cell)                               # an older copy of an answer still runs, and earns nothing
    _put_back(cells, ours)
    whole = nbformat.v4.new_notebook(cells=cells, metadata={
        key: value for key, value in released.metadata.items() if key in ("kernelspec", "language_info")})
    for i, cell in enumerate(whole.cells):
        cell["id"] = f"cell-{i}"
    return whole


def _restored(cell, own):
    """Return the lesson's own cell; an answer keeps the student's text."""
    new = nbformat.from_dict(own)
    new.metadata |= {key: cell.metadata[key] for key in ("seen",) if key in cell.metadata}
    if not own.metadata.nbgrader.locked:
        new["source"] = cell.source
        new |= {key: cell[key] for key in ("attachments",) if key in cell}
    return new


def _put_back(cells, ours):
    """Put answers and tests that are missing, or tests before their answer, behind the answer they belong to."""
    answer = None
    for name, own in ours.items():
        about = own.metadata.nbgrader
        if not (about.grade or about.solution):
            continue
        here = {one: i for i, cell in enumerate(cells) if (one := grade_id(cell))}
        place = here.get(test_of(name, ours), len(cells)) if about.solution else here.get(answer, len(cells) - 1) + 1
        answer = name if about.solution else answer
        if name not in here:                                 # a stub would undo what a student defines elsewhere
            cells.insert(place, nbformat.from_dict(own if about.grade else {**own, "source": ""}))
        elif not about.solution and here[name] < here.get(answer, -1):
            cells.insert(place - 1, cells.pop(here[name]))  # its own place, before the answer's, is gone by then
