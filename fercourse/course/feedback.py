"""What a grading tells students: a page for each, with the notebook as it ran and the points."""

import hashlib
import html
import re
from collections import Counter
from pathlib import Path

import nbformat

from ..files import write_text
from .covered import covered
from .grades import Grade, number
from .notebooks import grade_id, grading
from .stripped import seen

NO_SCRIPTS = ('<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'; '
              'img-src data:; font-src data:">')

EXERCISE = re.compile(r"^### (Exercise \d+\b.*?)(?: \(\d+ min\b.*)?$", re.MULTILINE)
HEAD = re.compile(r"<h4>.*?</ol>", re.DOTALL)                # nbgrader's: it does not know what waits
WAITS = -1                                                   # a score that nobody can have


def write_pages(grades: list[Grade], out: Path, fresh: list[Grade], told=print):
    """Write a page in `feedback/` beside the table `out` for each of `fresh`, of all `grades` of the table.

    A notebook that cannot be drawn is `told`; its page has the points alone, and all others wait for theirs.
    """
    for one, name in zip(grades, page_names(grades), strict=True):
        if any(one is other for other in fresh):
            write_text(out.parent / "feedback" / name, _page(one, told), errors="replace")


def _page(one, told):
    try:
        return feedback(one)
    except Exception as error:                               # whatever a converter makes of whatever somebody wrote
        told(f"{one.submission.student}: the notebook cannot be drawn ({type(error).__name__}: {error}); the page has "
             "the points alone")
        return _bare_page(f"{one.total:g} of {sum(one.of.values()):g} points. Your notebook could not be drawn here; "
                          "ask for it.")


def _bare_page(sentence):
    sentence = html.escape(sentence)
    return f"<!doctype html><meta charset=utf-8><title>Feedback</title><body><h1>Feedback</h1><p>{sentence}</p>"


def page_names(grades: list[Grade]) -> list[str]:
    """Return the name of each one's page; it does not depend on the order, which a spreadsheet may change."""
    stems = [_stem(one) for one in grades]
    several = Counter(stem.casefold() for stem in stems)     # file systems may take them for the same
    return [f"{stem}{_which(one) if one.submission.ident or several[stem.casefold()] > 1 else ''}.html"
            for one, stem in zip(grades, stems, strict=True)]


def found_pages(grades: list[Grade], pages: Path) -> list[Path | None]:
    """Return each one's page in a folder, by name, else by number: spreadsheets change letters of names."""
    return [_page_of(pages, name, one) for one, name in zip(grades, page_names(grades), strict=True)]


def _page_of(pages, name, one):
    near = [pages / name] if (pages / name).is_file() else []
    if not near and one.submission.ident:
        number = one.submission.number
        near = [page for page in pages.glob(f"*-{one.lesson}-*.html")
                if page.stem.rpartition("-")[2].lstrip("0") == number]
    return near[0] if len(near) == 1 else None


def _stem(one):
    student = "".join(c if c.isalnum() or c in "-_." else "-" for c in one.submission.student).strip(".") or "student"
    short = student.encode("utf-8", "replace")[:120].decode("utf-8", "ignore")      # file systems count bytes
    return f"{short}-{one.lesson}"


def _which(one):
    """Return what tells two of the same page name apart."""
    who = f"{one.submission.student}\n{one.submission.ident}".encode("utf-8", "surrogateescape")
    return f"-{one.submission.ident or hashlib.sha256(who).hexdigest()[:8]}"


def feedback(one: Grade) -> str:
    """Return a student's page: the notebook as it ran, and points at each exercise; hidden tests are not shown."""
    if one.book is None:
        return _bare_page(one.problem)
    from nbgrader.server_extensions import formgrader

    from .formulas import PageExporter
    book = covered(_with_seen(one.book))
    for cell in book.cells:
        about = grading(cell)
        if about.get("grade"):
            points = one.points[grade_id(cell)]
            about.update(score=WAITS if points is None else points, points=one.of[grade_id(cell)])
        if about.get("solution"):
            waits = about.get("grade") and one.points[grade_id(cell)] is None
            about["comment"] = "Points for this answer are given by a person." if waits else None
    home = Path(formgrader.__file__).parent
    exporter = PageExporter(template_name="feedback", extra_template_basedirs=[str(home / "templates")],
                            extra_template_paths=[str(home / "static/node_modules/bootstrap/dist/css")])
    title = html.escape(", ".join(filter(None, [one.submission.student, f"lesson {one.lesson}", one.problem])))
    score = {"score": one.total, "max_score": sum(one.of.values()), "late_penalty": 0, "notebook": title}
    text, _ = exporter.from_notebook_node(book, {"nbgrader": score, "metadata": {"name": title}})
    text = HEAD.sub(lambda _: _head(one, book, title), text, count=1)
    text = re.sub(rf"Score: {WAITS}\.0 / [\d.]+", "waits for a person", text)
    return text.replace("<head>", f"<head>{NO_SCRIPTS}", 1)


def _head(one, book, title):
    """Return heading and list: every exercise by its name, what it earned, and what still waits for a person."""
    name, lines, waiting = "", [], sum(one.of[key] for key, points in one.points.items() if points is None)
    for cell in book.cells:
        name = (EXERCISE.findall(cell.source) or [name])[-1] if cell.cell_type == "markdown" else name
        if grading(cell).get("grade"):
            key = grade_id(cell)
            earned = "waits for a person" if one.points[key] is None else f"{number(one.points[key])} of " + number(
                one.of[key])
            lines.append(f'<li><a href="#{html.escape(key)}">{html.escape(name or key)}</a>: {earned}</li>')
    total = f"{number(one.total)} of {number(sum(one.of.values()) - waiting)} points"
    more = f"; {number(waiting)} more are given by a person" if waiting else ""
    listed = "\n".join(lines)
    return f'<h4>{title}: {total}{more}</h4><div id="toc"><ol>{listed}</ol>'


def _with_seen(book):
    """Return a copy of a notebook in which each cell also shows, folded, the text it was handed in with, if another."""
    book = nbformat.from_dict(book)
    for cell in book.cells:
        text = cell.metadata.pop("seen", "")
        if text and text != seen(cell.get("outputs")):
            cell.outputs.append(nbformat.v4.new_output("display_data", {"text/html": (
                "<details><summary>What this cell showed in the file that was handed in</summary>"
                f"<pre>{html.escape(text)}</pre></details>")}))
    return book
