"""What students hand in: finding notebooks, whose they are, and which lesson they answer."""

import os
import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError
from . import zipped
from .notebooks import grade_id, sources
from .release import CHECKER
from .stripped import parsed

MOST_BYTES = 100 << 20                                       # a notebook larger than this is not opened
MOODLE = re.compile(r"(?P<student>.+?)_(?P<ident>\d+)_assignsubmission_(?:file|onlinetext)_?", re.ASCII)
CANVAS = re.compile(r"(?P<student>[^_]+)_(?:LATE_)?(?P<ident>\d+)_(?:\d+_(?P<rest>.+)|(?:text|link)(?:\.html)?)",
                    re.ASCII)
BOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)
OURS = ("written.html", "feedback.zip")
ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz")
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")       # steers a terminal, or turns text round
NUMBERED = re.compile(r"(?:(?:lesson|week|unit|part|exercise|assignment)[ _-]?)?(\d{1,2})(?!\d)", re.IGNORECASE)
LESSON = re.compile(r"(?<![0-9A-Za-z])(\d\d)_[a-z]\w*")


@dataclass(frozen=True)
class Submission:
    """A file somebody handed in, or the lack of one.

    Attributes:
        student: name as the folder or file tells it; `ident`: Moodle's participant or Canvas's user number, if any.
        path: a notebook, else some other file; None where a student's folder holds no file.
        inside: name of a notebook within `path`, which is a zip; empty without one.
    """

    student: str
    ident: str
    path: Path | None
    inside: str = ""

    @property
    def number(self) -> str:
        """Return the id without the zeros it begins with, which spreadsheets drop."""
        return self.ident.strip().lstrip("0")

    @property
    def is_book(self):
        """Return whether the file's name is a notebook's."""
        return bool(self.path and BOOK.search(self.inside or self.path.name))

    @property
    def name(self) -> str:
        """Return what to call the file: its name, and what is meant within it; empty where there is none."""
        return ": ".join(_printable(word) for word in (self.path.name if self.path else "", self.inside) if word)


def find(folder: Path) -> list[Submission]:
    """Return the submissions below a folder: a folder a student, or all files side by side as Canvas hands them out.

    An archive of Moodle's or Canvas's may have been unpacked into a folder of its own. Beside notebooks, those within
    zips too, other files count only where a student has no notebook, or a lesson's name is in theirs. A number that
    several students share is nobody's.

    Raises:
        InputError: there is no such folder, no notebook in it, a file or folder that cannot be read, or a folder that
            may be a student's or a group's.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected one with a folder a student, or with their notebooks")
    try:
        found = list(dict.fromkeys(_below(folder)))
        _probe(found)
    except OSError as error:
        raise InputError(f"{_printable(str(error.filename or folder))} cannot be read ({error.strerror or error}); "
                         "make it readable, so that it does not count as nothing") from error
    _expect_books(folder, found)
    return _told_apart(_answers(found, [path.stem for path in sources()]))


def _expect_books(folder, found):
    """Raise InputError where nothing was handed in, or files none of which is a notebook."""
    names = [_printable(one.path.name) for one in found if one.path]
    if not found or (names and not any(one.is_book for one in found)):
        raise InputError(f"{folder} holds no {'notebooks' if found else 'submissions'}" + _instead(names)
                         + "; expected a folder a student, or *.ipynb files")


def _answers(found, lessons):
    """Return the notebooks, and other files of those students who have none or that are called after a lesson."""
    with_book = {(one.student, one.ident) for one in found if one.is_book}

    def named(one):
        return one.path and any(lesson in one.path.name.lower() for lesson in lessons)
    return [one for one in found if one.is_book or (one.student, one.ident) not in with_book or named(one)]


def _told_apart(found):
    """Return the submissions without ids that several students share: these tell nobody from another."""
    bearers = defaultdict(set)
    for one in found:
        bearers[one.number].add(one.student)
    return [replace(one, ident="") if len(bearers[one.number]) > 1 else one for one in found]


def _instead(names):
    """Return what a folder holds in place of notebooks, and what to do with it."""
    if not names:
        return ""
    several = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
    return f", but {several}" + ("; unpack archives first" if any(n.lower().endswith(ARCHIVES) for n in names) else "")


def _probe(found):
    """Open every file; raise OSError where that fails."""
    for one in found:
        if one.path and one.path.is_file() and not one.path.is_symlink():
            with one.path.open("rb") as file:
                file.read(1)


def _below(folder):
    found = []
    folders = [entry for entry in _entries(folder) if entry.is_dir() and not entry.is_symlink()]
    archives = [entry for entry in folders if _is_archive(entry)]
    if archives and any(map(_entries, {*folders} - {*archives})):       # a student may name files after others
        raise InputError(f"{_printable(archives[0].name)} holds files of several students, and folders of others stand "
                         "beside it: is it one student? If so, rename the files; if not, grade it by itself")
    for entry in _entries(folder):
        if entry in folders:
            found += _below(entry) if archives else _of_folder(entry)
        else:
            student, ident = _whose(_stem(_printable(entry.name)))
            if ident or not _is_ours(entry):
                found += _unzipped(student, ident, [entry]) if ident else [Submission(student, ident, entry)]
    return found


def _entries(folder):
    """Return what lies in a folder and was put there by people, except what an earlier grading left."""
    return [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith((".", "__"))
            and not (entry.name == "feedback" and entry.is_dir() and _only_pages(entry))]


def _only_pages(folder):
    return all(path.suffix == ".html" for path in _files(folder))


def _is_ours(path):
    """Return whether a file beside the submissions is a table, a page of an earlier grading, or the system's."""
    return path.suffix.lower() in (".csv", ".ini", ".db") or path.name in OURS


def _is_archive(folder):
    """Return whether a folder is no student's, but holds what Moodle or Canvas names after several."""
    if MOODLE.fullmatch(folder.name):
        return False
    entries = _entries(folder)
    files = [match["ident"] for entry in entries if entry.is_file()
             and (match := MOODLE.match(entry.name) or CANVAS.fullmatch(entry.name))]
    return len(set(files)) > 1 or any(MOODLE.fullmatch(entry.name) for entry in entries if entry.is_dir())


def _of_folder(folder):
    name = _printable(folder.name)
    match = MOODLE.fullmatch(name)
    student, ident = (match["student"], match["ident"]) if match else (name, "")
    files = _files(folder)
    books = [path for path in files if BOOK.search(path.name) or _is_zip(path)]
    if not match and books:
        _one_student(_common(books), books)
    others = [path for path in files if path not in books and LESSON.search(path.name)]
    return _unzipped(student, ident, [*books, *others] or files[:1] or [None])


def _unzipped(student, ident, paths):
    """Return a student's files; in place of a zip the notebooks within it, where it holds some."""
    found = []
    for path in paths:
        try:
            names = zipped.books(path, BOOK.search, MOST_BYTES) if _is_zip(path) else [""]
        except InputError:                                   # `read` will say it again
            names = [""]
        found += [Submission(student, ident, path, name) for name in names]
    return found


def _is_zip(path):
    return path is not None and path.suffix.lower() == ".zip" and path.is_file() and not path.is_symlink()


def _files(folder):
    """Return every file below a folder that is not hidden, in order; OSError where a folder cannot be read."""
    files, waiting = [], [folder]
    while waiting:
        for entry in waiting.pop().iterdir():
            if entry.name.startswith((".", "__")):
                continue
            (waiting if entry.is_dir() and not entry.is_symlink() else files).append(entry)
    return sorted(files)


def _common(books):
    """Return the deepest folder that holds all of a student's notebooks."""
    return Path(os.path.commonpath([path.parent for path in books]))


def _one_student(folder, books):
    """Raise InputError where notebooks lie only in folders beside one another that no lessons are named after."""
    names = {path.relative_to(folder).parts[0] for path in books if path.parent != folder}
    direct = any(path.parent == folder for path in books)
    numbers = {match[1].lstrip("0") for name in names if (match := NUMBERED.match(name))}
    if len(names) > 1 and not direct and len(numbers) < len(names):
        raise InputError(f"{_printable(folder.name)} holds folders {', '.join(map(_printable, sorted(names)))}: is it "
                         "one student? If so, put the notebooks into one folder; if not, grade it by itself")


def _printable(name):
    """Return a name that can be written and compared; one whose bytes are no UTF-8 is taken for Western European."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        name = os.fsencode(name).decode("cp1252", "replace").replace("\ufffd", "?")
    return UNSEEN.sub("?", unicodedata.normalize("NFC", name))


def _stem(name):
    """Return a file's name without the ending, which for notebooks may be two."""
    return BOOK.sub("", name) if BOOK.search(name) else Path(name).stem


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
        OSError: it cannot be read, which is not the student's fault.
    """
    path = submission.path
    if path is None:
        raise InputError("no notebook was handed in")
    if path.is_symlink() or not path.is_file():
        raise InputError("not a plain file")
    if _is_zip(path):
        return parsed(_of_zip(path, submission.inside))
    if not submission.is_book:
        raise InputError(f"handed in {_printable(path.name)}, which is no notebook")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES >> 20} MiB")
    return parsed(path.read_bytes())


def _of_zip(path, inside):
    """Return the bytes of a notebook within a zip; raise InputError where there is none."""
    try:
        if inside not in zipped.books(path, BOOK.search, MOST_BYTES):
            raise InputError("may be a whole class's; unpack it into a folder named after the student")
        return zipped.read(path, inside)
    except InputError as error:
        raise InputError(f"handed in {_printable(path.name)}, which {error}") from None


def lesson_of(book, path: Path | None, lessons) -> str | None:
    """Return which lesson (`"01"`) a notebook answers: by its cells, else by its file's name."""
    if book and (number := _told_by_cells(book, lessons)):
        return number
    stem = _stem(path.name) if path else ""
    match = MOODLE.match(stem) or CANVAS.fullmatch(stem)
    rest = stem[match.end() if match.re is MOODLE else match.start("rest"):] if match else stem
    named = [number for number in LESSON.findall(rest.lower()) if number in lessons]
    return named[-1] if named else None


def _told_by_cells(book, lessons):
    """Return the lesson of a notebook's graded cells; where they lost their names, of the checkers that it calls.

    One checker alone, somebody may have tried in a notebook of their own.
    """
    counts = Counter(number for cell in book.cells if (number := (grade_id(cell) or "")[:2]) in lessons)
    if not counts:
        calls = [call.groups() for cell in book.cells if cell.cell_type == "code" for call in
                 CHECKER.finditer(cell.source)]
        counts = Counter(name[-2:] for name, _ in dict.fromkeys(calls) if name[-2:] in lessons)
        counts = {number: count for number, count in counts.items() if count > 1}
    return max(counts, key=counts.get, default=None)
