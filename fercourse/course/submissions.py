"""What students hand in: finding notebooks, whose they are, and putting each back into its lesson's shape."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbformat

from ..errors import InputError

MOST_BYTES = 100 << 20                                       # a notebook larger than this is not opened
MOODLE = re.compile(r"(?P<student>.+?)_(?P<ident>\d+)_assignsubmission_(?:file|onlinetext)_?", re.ASCII)
CANVAS = re.compile(r"(?P<student>[^_]+)_(?:LATE_)?(?P<ident>\d+)_\d+_(?P<rest>.+)", re.ASCII)
LESSON = re.compile(r"(?<![0-9A-Za-z])(\d\d)_[a-z]\w*")


@dataclass(frozen=True)
class Submission:
    """A file somebody handed in, or the lack of one.

    Attributes:
        student: name as the folder or file tells it; `ident`: Moodle's participant or Canvas's user number, if any.
        path: None where a student's folder holds no notebook.
    """

    student: str
    ident: str
    path: Path | None


def find(folder: Path) -> list[Submission]:
    """Return the submissions below a folder: a folder a student, or all files side by side as Canvas hands them out.

    An archive of Moodle's may have been unpacked into a folder of its own. A student has one without a file only
    where none of the student's folders holds a notebook.

    Raises:
        InputError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected one with a folder a student, or with their notebooks")
    found = dict.fromkeys(_below(folder))
    if not found:
        raise InputError(f"{folder} holds no submissions; expected a folder a student, or *.ipynb files")
    with_file = {(one.student, one.ident) for one in found if one.path}
    return [one for one in found if one.path or (one.student, one.ident) not in with_file]


def _below(folder):
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir() and not entry.is_symlink():
            found += _below(entry) if _is_archive(entry) else _of_folder(entry)
        elif entry.suffix == ".ipynb":
            found.append(Submission(*_whose(entry.stem), entry))
    return found


def _is_archive(folder):
    """Return whether a folder is no student's, but holds the students' folders as Moodle names them."""
    return not MOODLE.fullmatch(folder.name) and any(
        MOODLE.fullmatch(entry.name) for entry in folder.iterdir() if entry.is_dir())


def _of_folder(folder):
    match = MOODLE.fullmatch(folder.name)
    student, ident = (match["student"], match["ident"]) if match else (folder.name, "")
    books = [path for path in sorted(folder.rglob("*.ipynb"))
             if not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)]
    return [Submission(student, ident, path) for path in books or [None]]


def _whose(stem):
    """Return a student and a number from a file's name: Moodle's, Canvas's `lee_4711_9_01_x`, or `lee 01_baseline`."""
    if match := MOODLE.match(stem) or CANVAS.fullmatch(stem):
        return match["student"], match["ident"]
    rest = re.sub(r"^Copy of | ?\(\d+\)$", "", LESSON.sub("", stem)).strip(" _-")
    return rest or stem, ""


def read(submission: Submission):
    """Return a submission's notebook.

    Raises:
        InputError: there is none, it leads elsewhere, is too large or is no notebook.
    """
    import warnings
    path = submission.path
    if path is None:
        raise InputError("no notebook was handed in")
    if path.is_symlink() or not path.is_file():
        raise InputError("not a plain file")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES >> 20} MiB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = nbformat.reads(path.read_text("utf-8"), as_version=4)
        return nbformat.v4.new_notebook(cells=[_plain(cell) for cell in book.cells])
    except Exception as error:                               # anything can be wrong with what a stranger wrote
        raise InputError(f"not a notebook ({type(error).__name__})") from None


def _plain(cell):
    """Return a cell with its text and its grade_id, and nothing else of what came with it."""
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    about = cell.get("metadata", {}).get("nbgrader")
    name = about.get("grade_id") if isinstance(about, dict) else None
    metadata = {"nbgrader": {"grade_id": name}} if isinstance(name, str) else {}
    source = cell["source"]
    if not isinstance(source, str):
        raise TypeError("a cell's source is no text")
    return make.get(cell["cell_type"], nbformat.v4.new_raw_cell)(source, metadata=metadata)


def lesson_of(book, path: Path | None, lessons) -> str | None:
    """Return which lesson (`"01"`) a notebook answers: by its graded cells, else by its file's name."""
    ids = [cell.metadata.nbgrader.grade_id for cell in book.cells if "nbgrader" in cell.metadata] if book else []
    counts = Counter(name[:2] for name in ids if name[:2] in lessons)
    if counts:
        return counts.most_common(1)[0][0]
    named = [number for number in LESSON.findall(path.stem if path else "") if number in lessons]
    return named[-1] if named else None


def merged(book, released):
    """Return a submission in its lesson's shape, ready to run.

    Locked cells are the lesson's own again, whatever was done to them; of copies the last counts; a test that is gone
    or stands before its answer comes back behind it; everything the student added stays where it is.
    """
    ours = {cell.metadata.nbgrader.grade_id: cell for cell in released.cells if "nbgrader" in cell.metadata}
    last = {cell.metadata.nbgrader.grade_id: i for i, cell in enumerate(book.cells) if "nbgrader" in cell.metadata}
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
    if not own.metadata.nbgrader.locked:
        new["source"] = cell.source
    return new


def _put_back(cells, ours):
    """Put answers and tests that are missing, or tests before their answer, behind the answer they belong to."""
    answer = None
    for name, own in ours.items():
        about = own.metadata.nbgrader
        if not (about.grade or about.solution):
            continue
        here = {cell.metadata.nbgrader.grade_id: i for i, cell in enumerate(cells) if "nbgrader" in cell.metadata}
        before = len(cells) - 1 if about.solution or answer is None else here[answer]
        answer = name if about.solution else answer
        if name not in here:
            cells.insert(before + 1, nbformat.from_dict(own))
        elif not about.solution and here[name] < here.get(answer, -1):
            cells.insert(before, cells.pop(here[name]))      # its own place, before the answer's, is gone by then
