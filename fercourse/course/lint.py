"""What is wrong with a lesson: its pair, its outputs, its exercises, its story and its links; no cell is executed."""

import re
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import nbformat
from PIL import Image

from ..check import checkers_of
from .notebooks import PICTURE, SETUP, badge, grade_id, grading, other_edition, regenerate
from .numbers import unbacked
from .release import CHECKER, faults

GRADER_KEYS = {"schema_version", "grade_id", "grade", "solution", "locked", "task"}
CHECKED, WRITTEN = 3, 1                                     # exercises a lesson has at least
OBJECTIVES, RECAP = "You will be able to", "You can now"
PATHS = re.compile(r"(?<![\w.~}/])/(tmp|work|root|home|opt|mnt|Users|usr)/\w|[A-Z]:\\+Users")
DOI = re.compile(r"https://doi\.org/10\.\d{4,9}/\S+")
EXERCISE = re.compile(r"### Exercise (\d+) · \S.* \([1-9]\d* min, (?:●○○|●●○|●●●)(, written)?\)")
PEOPLE = ('"skin_tone"', '"gender"', '"age"')               # whom every lesson that trains asks about
OWN_COLOURS = re.compile(r"""\b(?:\w*colou?rs?|c|cmap|palette)\s*=\s*[\[(]*["'](?!none)"""
                         r"""|["'](?:#[0-9a-fA-F]{6}|tab:\w+)["']""")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def problems(source: Path) -> list[str]:
    """Return one sentence for everything that is wrong with a lesson and its notebook; empty if all is well."""
    fresh, path = regenerate(source), source.with_suffix(".ipynb")
    if not path.is_file():
        return [f"{path.name} is missing; build it"]
    book = nbformat.read(path, as_version=4)
    parts = (pair(fresh, book), outputs(book), exercises(book, source), story(book, source), links(book, source),
             unbacked(book, source))
    return [problem for part in parts for problem in part]


# ---------------------------------------------------------------------- the pair

def pair(fresh, book) -> Iterator[str]:
    """Tell where a notebook is not what its source gives: cells, their metadata and ids, the notebook's own facts."""
    if len(fresh.cells) != len(book.cells):
        yield f"the notebook has {len(book.cells)} cells, its source {len(fresh.cells)}; build it again"
        return
    for wanted, found in zip(fresh.cells, book.cells):
        for part in ("cell_type", "source", "id", "metadata"):
            if wanted[part] != found[part]:
                yield f"{_name_of(wanted)}: {part} differs from the source; build it again"
    if _facts(fresh) != _facts(book):
        yield "the notebook's metadata differ from its source; build it again"


def _facts(book):
    return {key: value for key, value in book.metadata.items() if key != "jupytext"}


# ---------------------------------------------------------------------- what the cells gave

def outputs(book) -> Iterator[str]:
    """Tell what is wrong with stored outputs: missing, failed, warnings, machine paths, pictures without alt text."""
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        yield "the cells were not executed once each from top to bottom; build it again"
    for cell in code:
        tags = cell.metadata.get("tags", ())
        if "nbval-check-output" in tags and not cell.outputs:
            yield f"{_name_of(cell)} is marked nbval-check-output but has no output"
        for output in cell.outputs:
            yield from (f"{_name_of(cell)}: {wrong}" for wrong in _wrong(output, "raises-exception" in tags))


def _wrong(output, may_fail):
    if output.output_type == "error" and not may_fail:
        yield f"fails with {output.ename}"
    if output.get("name") == "stderr":
        yield f"writes to stderr: {output.text.strip()[:100]}"
    data = output.get("data", {})
    texts = [text for kind, text in {"": output.get("text", ""), **data}.items() if not kind.startswith("image/")]
    for text in texts:
        plain = PICTURE.sub("", str(text))
        if not all(map(_decodes, PICTURE.findall(str(text)))):
            yield "shows a picture that does not decode; build it again"
        if found := PATHS.search(plain):
            yield f"shows a path of the machine it ran on: {plain[found.start():found.start() + 40]}"
        for image in re.findall(r"<img\b[^>]*>", plain):
            if not re.search(r'\balt="[^"]+"', image):
                yield "shows a picture without alt text"
    if any(kind.startswith("image/") for kind in data):
        yield "shows a picture without alt text; draw it with fercourse.plots"


def _decodes(address):
    """Return whether a picture written into HTML can be seen."""
    try:
        Image.open(BytesIO(b64decode(address.partition(",")[2], validate=True))).load()
    except (ValueError, OSError, SyntaxError):               # Pillow's own for a damaged PNG
        return False
    return True


# ---------------------------------------------------------------------- exercises

def exercises(book, source: Path) -> Iterator[str]:
    """Tell what is wrong with the nbgrader metadata, and with the exercises as a whole."""
    yield from faults(book)
    graded = [(cell, about) for cell in book.cells if (about := grading(cell))]
    for cell, about in graded:
        yield from (f"{_name_of(cell)}: {wrong}" for wrong in _ungradable(cell, about, source))
    tests = [cell for cell, about in graded if about.get("grade") and not about.get("solution")]
    written = [cell for cell, about in graded if about.get("grade") and about.get("solution")]
    if len(tests) < CHECKED or len(written) < WRITTEN:
        yield (f"{len(tests)} exercises are checked by code and {len(written)} are written; "
               f"expected at least {CHECKED} and {WRITTEN}")
    yield from _headings(book)
    yield from _checkers(book, tests, source)


def _ungradable(cell, about, source):
    if missing := GRADER_KEYS - about.keys():
        yield f"nbgrader metadata lack {', '.join(sorted(missing))}"
        return
    if about["schema_version"] != 3 or about["task"]:
        yield "nbgrader metadata have another schema_version than 3, or a task"
    if not re.fullmatch(rf"{source.stem[:2]}-[a-z0-9-]+", about["grade_id"]):
        yield f"the grade_id {about['grade_id']!r} does not start with {source.stem[:2]}-"
    if bool(about["grade"]) != (about.get("points", 0) > 0):
        yield "graded cells have points above 0, others none"
    if about["locked"] == about["solution"]:
        yield "answers are not locked, tests and protected text are"
    if ("### BEGIN SOLUTION" in cell.source) != bool(about["solution"] and cell.cell_type == "code"):
        yield "answers in code, and only they, hold ### BEGIN SOLUTION and ### END SOLUTION"


def _headings(book):
    """Tell which exercises lack minutes and difficulty, are misnumbered, or have not one graded cell each."""
    waiting, number = None, 0
    for cell in book.cells:
        for line in re.findall(r"^#+ Exercise.*$", cell.source if cell.cell_type == "markdown" else "", re.MULTILINE):
            if waiting:
                yield f"nothing is graded below {waiting!r}"
            waiting, number, match = line, number + 1, EXERCISE.fullmatch(line)
            if not match:
                yield f"the heading {line!r} is not '### Exercise {number} · name (8 min, ●○○)', or ', written)'"
            elif int(match[1]) != number:
                yield f"the heading {line!r} is the lesson's exercise {number}"
        about = grading(cell)
        if about.get("grade"):
            if not waiting:
                yield f"{_name_of(cell)} is graded without an exercise's heading of its own"
            elif waiting.endswith("written)") != bool(about.get("solution")):
                yield f"{_name_of(cell)}: its heading {waiting!r} and its kind, written or checked by code, differ"
            waiting = None
    if waiting:
        yield f"nothing is graded below {waiting!r}"


def _checkers(book, tests, source):
    """Tell which checkers of the lesson no test cell calls, and which test cells call one that is not there."""
    from importlib import import_module
    lesson = f"lesson{source.stem[:2]}"
    try:
        known = {one.name: one for one in checkers_of(import_module(f"fercourse.check.{lesson}"))}
    except ImportError:
        yield f"there is no fercourse/check/{lesson}.py"
        return
    called = {name for cell in tests for of, name in CHECKER.findall(cell.source) if of == lesson}
    for name in sorted(called ^ known.keys()):
        yield f"the checker {lesson}.{name} " + ("does not exist" if name in called else "is never called")
    yield from _efforts(book, lesson, known)


def _efforts(book, lesson, known):
    """Tell which headings tell other minutes, or another difficulty, than the checker that is called below them."""
    heading = ""
    for cell in book.cells:
        heading = ([heading] + re.findall(r"^### Exercise.*$", cell.source, re.MULTILINE))[-1]
        for of, name in CHECKER.findall(cell.source) if grading(cell).get("grade") else ():
            effort = f"({known[name].minutes} min, {known[name].stars})" if of == lesson and name in known else ""
            if not heading.endswith(effort):
                yield f"the checker {name} takes {effort}, unlike its heading {heading!r}"


# ---------------------------------------------------------------------- the story

def story(book, source: Path) -> Iterator[str]:
    """Tell what a lesson lacks: its badge, the set-up cell, objectives that come back in the recap."""
    text = [cell.source for cell in book.cells if cell.cell_type == "markdown"]
    first = next((cell.source for cell in book.cells if cell.cell_type == "code"), "")
    if not text or badge(source) not in text[0]:
        yield f"the first cell has no badge for {badge(source)}"
    if other_edition(source) not in " ".join(book.cells[0].source.split()):
        yield "the first cell does not have fercourse.course.notebooks.other_edition"
    if first != SETUP:
        yield "the first code cell is not fercourse.course.notebooks.SETUP"
    for cell in book.cells:
        if cell.cell_type == "code" and (own := OWN_COLOURS.search(cell.source)):
            yield f"{_name_of(cell)}: {own[0]}… is a colour of its own; take it from fc.plots.COLOURS"
    if _trains(book) and not any("resume=True" in one or "--resume" in one for one in text):
        yield "it trains, and does not show how a training goes on after a disconnect: resume=True"
    if _trains(book) and not _asks_whom_it_fails(book):
        yield f"it trains, and does not tell whom the network fails: by_people, or by_group over {', '.join(PEOPLE)}"
    if not DOI.search(text[-1] if text else ""):
        yield "the last cell of text has no reference with a DOI"
    aims, reached = (bullets(text, heading) for heading in (OBJECTIVES, RECAP))
    if len(aims) != 3:
        yield f"{len(aims)} points below '{OBJECTIVES}', expected three"
    for aim in aims:
        if not any(point.startswith(aim.rstrip(".;,")) for point in reached):
            yield f"the recap, '{RECAP}', does not take up: {aim}"


def _trains(book):
    return any(cell.cell_type == "code" and "fc.fit(" in cell.source for cell in book.cells)


def _asks_whom_it_fails(book):
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    return "by_people(" in code or ("by_group(" in code and all(column in code for column in PEOPLE))


def bullets(texts, heading):
    """Return the list points below a heading or line that holds these words."""
    for text in texts:
        if heading in text:
            rest = text[text.index(heading):].split("\n\n# ")[0]
            rest = re.split(r"\n#+ ", rest)[0]
            return [re.sub(r"\s*\n\s+", " ", point).strip()
                    for point in re.findall(r"^[-*] (.*(?:\n  .*)*)", rest, re.MULTILINE)]
    return []


# ---------------------------------------------------------------------- links

def links(book, source: Path) -> Iterator[str]:
    """Tell which links lead nowhere, as far as can be seen without a network."""
    text = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    anchors = {re.sub(r"\s+", "-", title.strip()) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    for picture, words, target in LINK.findall(re.sub(r"`[^`]*`", "", text)):
        if picture and not words.strip():
            yield f"the picture {target} has no alt text"
        if wrong := _leads_nowhere(target, anchors, source.parent):
            yield f"the link {target} {wrong}"
    if "doi.org/" in text and len(DOI.findall(text)) < text.count("doi.org/"):
        yield "a reference has no proper DOI, https://doi.org/10.…"


def _leads_nowhere(target, anchors, folder):
    if target.startswith(("https://", "mailto:")):
        return ""
    if target.startswith("http://"):
        return "is not encrypted; use https"
    path, _, anchor = target.partition("#")
    if not path:
        return "" if anchor in anchors else "names a heading that is not there"
    return "" if (folder / path).exists() else "names a file that is not there"


def _name_of(cell):
    """Return how a cell is named to people: its nbgrader name or its first line."""
    first = cell.source.strip().splitlines()[0][:50] if cell.source.strip() else "an empty cell"
    return f"cell {grade_id(cell) or repr(first)}"


