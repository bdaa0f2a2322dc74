"""A lesson to show in class or to print: prose, formulas, figures and captions; no code, and no exercise's answer."""

from pathlib import Path

import nbformat

from ..errors import InputError
from ..files import write_text
from .notebooks import grading, other_edition, regenerate
from .release import secrets


def handout(source: Path, out: Path) -> Path:
    """Write a lesson, as its notebook stores it, to one HTML file that can be shown or printed from a browser.

    Figures are within the file; formulas need a network when it is opened, as a script from the web sets them.

    Raises:
        InputError: nbconvert is missing, `out` is no .html, or the page would hold a line of a solution.
    """
    try:
        from nbconvert import HTMLExporter
    except ImportError:
        raise InputError("nbconvert is not installed; it comes with JupyterLab: pip install jupyterlab") from None
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{out} is no page; expected a name ending in .html")
    book = without_answers(nbformat.read(source.with_suffix(".ipynb"), as_version=4), other_edition(source))
    lines = {line.strip() for cell in book.cells if cell.cell_type == "markdown" for line in cell.source.splitlines()}
    if told := sorted(secrets(regenerate(source))[0] & lines):
        raise InputError(f"{source.name}: the handout would give a solution away: {told[0]}")
    exporter = HTMLExporter(exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True)
    page, _ = exporter.from_notebook_node(book, {"metadata": {"name": _title(book, source)}})
    write_text(out, page)
    return out


def without_answers(book, told=""):
    """Return a notebook without answers and tests of exercises, and code cells that show nothing.

    `told`, what a lesson says of its editions, is left out, and so is the badge.
    """
    first = book.cells[0]
    first.source = "\n".join(line for line in first.source.splitlines() if not line.startswith("[![")).strip()
    first.source = first.source.replace(told, "")
    book.cells = [cell for cell in book.cells if not _answers(cell) and (cell.cell_type == "markdown" or
                                                                        cell.get("outputs"))]
    return book


def _answers(cell):
    about = grading(cell)
    return about.get("solution") or about.get("grade")


def _title(book, source):
    heads = [line for line in book.cells[0].source.splitlines() if line.startswith("# ")]
    return heads[0].removeprefix("# ") if heads else source.stem
