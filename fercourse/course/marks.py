"""Points given by hand: the plain table of a grading, filled in, read back; no notebook runs again."""

import csv
import io
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from .chosen import number_of
from .giveback import mark_pages, packed
from .grades import Grade, harmless, nameless, number, plain_text, table, whose, write
from .marking import stamp_and_name
from .notebooks import grading, regenerate, sources
from .submissions import Submission

GRADING = "grading "                                         # begins the name of a column, the last, that holds nothing
NEEDED = {"student", "id", "lesson", "file", "problem"}


def retell(filled: Path, out: Path, *, columns: str = "plain", lesson: str | None = None,
           told=lambda line: None) -> list[Grade]:
    """Write a plain table, filled in by hand, as a table with those columns, and its points on the feedback pages.

    The pages are those in `feedback/` beside `filled`; for Moodle they are packed as `feedback.zip` beside `out`.

    Args:
        lesson: the only one wanted, such as `"02"`; default: all.
        told: gets one line a thing that was written, kept or is missing.

    Raises:
        InputError: the file is no plain table, knows nothing of the last grading or would be overwritten, there is no
            such lesson, or somebody has points that an exercise cannot earn.
    """
    if filled.exists() and out.exists() and out.samefile(filled):
        raise InputError(f"{filled} holds the points given by hand and would be overwritten; "
                         "choose another name with --out, such as --out moodle.csv")
    lesson = number_of(lesson, {path.stem[:2]: path for path in sources()})
    current(filled)
    grades = [one for one in read(filled, whole=True, told=told) if lesson in (None, one.lesson)]
    if not grades:
        raise InputError(f"{filled} has no submission" + (f" for lesson {lesson}" if lesson else ""))
    rows = stamped(table(grades, columns), _stamp(filled)) if columns == "plain" else table(grades, columns)
    before = _kept(out, rows)
    write(out, rows, before, columns)
    if before:
        told(f"{out} was a table of points by exercise that said something else; it is kept as {before}")
    pages = filled.parent / "feedback"
    told(f"{mark_pages(grades, pages)} of {len(grades)} pages in {pages} got these points on top")
    if columns == "moodle":
        told(packed(grades, pages, out.with_name("feedback.zip")))
    if line := nameless(grades, columns):
        told(line)
    waiting = sum(value is None for one in grades for value in one.points.values())
    told(f"{waiting} answer{'s wait' if waiting != 1 else ' waits'} for points by hand")
    return grades


def current(filled: Path):
    """Raise InputError for a table that a page saved which was opened before the grading beside it."""
    own, (now, name) = _stamp(filled), stamp_and_name(filled.with_name("written.html"))
    called = re.sub(r" ?\(\d+\)$", "", filled.stem) + filled.suffix           # as browsers number what they save
    if own and now and now != own and called == name:
        raise InputError(f"{filled} was saved from a page that was opened before the last grading and knows nothing of "
                         "it; load written.html again (what you typed is still there) and save once more, or delete "
                         f"the column that begins with {GRADING.strip()!r} if this table is the right one")


def stamped(rows: list[list], stamp: str) -> list[list]:
    """Return a plain table with a last column that holds nothing, and whose name tells the grading; no stamp, none."""
    (head, *others) = rows
    return [[*head, f"{GRADING}{stamp}"], *([*row, ""] for row in others)] if stamp else rows


def _stamp(filled):
    names = next((row for _, row in _rows(filled)), {})
    return next((name.removeprefix(GRADING) for name in names if name and name.startswith(GRADING)), "")


def _there(out):
    """Return the rows of a plain table that is there, none where there is none, or some other table."""
    try:
        return [row for _, row in _rows(out)] if out.exists() else []
    except InputError:
        return []


def _kept(out, rows):
    """Return a name to keep a plain table under before another, which says something else, takes its place."""
    there = [list(row.values()) for row in _there(out)]
    return _free(out) if there and there != [list(map(str, row)) for row in harmless(rows[1:])] else None


def readable(out: Path):
    """Raise InputError for a plain table from which points by hand could not be carried: before hours of grading."""
    if _there(out):
        read(out)


def carried(grades: list[Grade], out: Path, columns: str, told=lambda line: None) -> Path | None:
    """Give answers that wait the points, and students the comments, that an earlier plain table at `out` has by hand.

    Args:
        grades: changed in place.
        columns: of the table that is to be written at `out`.
        told: gets a line where points are carried over, and one where the earlier table is kept.

    Returns:
        A name to keep the earlier table under; None where there is none, or the new one says all it says.
    """
    if not out.exists():
        return None
    done, sums = Carrying(), []
    try:
        done.over(read(out, told=sums.append), grades)
        done.lost |= bool(sums) or bool(_columns(out) - set(table(grades, "plain")[0]))
    except InputError:                                       # some other table: who knows what it says
        done, sums = Carrying(lost=True), []
    for line in [*sums, *done.differing()]:
        told(line)
    if zeros := done.zeros:
        told(f"{zeros} answer{'s' * (zeros != 1)} had 0 points in {out} and wait{'s' * (zeros == 1)} once more: "
             "a 0 may say that there was nothing to read")
    if count := done.answers:
        names = dict.fromkeys(one.submission.student for one in grades if one.carried)
        told(f"points given by hand for {count} answer{'s' * (count != 1)} carried over from {out}: "
             f"{', '.join(names)}; written.html shows these answers once more, in case they have changed")
    if not (done.lost or columns != "plain"):
        return None
    before = _free(out)
    told(f"the earlier {out.name} says what the new one does not; it is kept as {before}")
    return before


@dataclass
class Carrying:
    """What became of the points and comments of an earlier table.

    Attributes:
        answers: how many that wait for a person got their earlier points; `zeros`: how many had 0, and still wait.
        lost: whether some points or a comment of the earlier table are in no grade.
        differs: {student: what the earlier table says of checked exercises, and what the new one does}.
    """

    answers: int = 0
    zeros: int = 0
    lost: bool = False
    differs: dict[str, list[str]] = field(default_factory=dict)

    def differing(self) -> list[str]:
        """Return a line a student whose checked exercises earn something else now; a person may have judged them."""
        return [f"{student}: {', '.join(said)}; if you had changed these points by hand, change them again"
                for student, said in self.differs.items()]

    def over(self, earlier: list[Grade], grades: list[Grade]):
        """Give every earlier row's points and comment to the new grade of the same student and lesson."""
        now = {whose(one): one for one in grades}
        for old in earlier:
            if (new := now.get(whose(old))) is None:
                self.lost |= bool(old.comment) or any(old.points.values())
                continue
            new.comment = new.comment or old.comment
            self.lost |= bool(old.comment) and new.comment != old.comment
            for name, value in old.points.items():
                self._point(name, value, new)

    def _point(self, name, value, new):
        now = new.points.get(name)
        if name in new.points and now is None:
            if value:
                new.points[name] = value
                new.carried.add(name)
            self.answers += bool(value)
            self.zeros += value == 0                         # often no person's judgement
        elif value is not None and number(now) != number(value):
            self.lost = True
            self.differs.setdefault(new.submission.student, []).append(
                f"{name} had {number(value)} in the earlier table and has {number(now) or 'none'} now")


def _columns(filled):
    """Return the names of the columns that hold anything."""
    return {name for _, row in _rows(filled) for name, text in row.items() if text}


def _free(out):
    """Return a name beside a table that nothing has yet."""
    before, count = out.with_name(f"{out.stem}.before{out.suffix}"), 1
    while before.exists():
        count += 1
        before = out.with_name(f"{out.stem}.before-{count}{out.suffix}")
    return before


def read(filled: Path, whole: bool = False, told=lambda line: None) -> list[Grade]:
    """Return the grades of a plain table as a spreadsheet may have saved it.

    That is with `;` for `,`, without leading zeros, with a BOM or in Windows's encoding, with short rows, and with
    empty rows at its end.

    Args:
        whole: every exercise of a lesson must have its column.
        told: gets a line where `points` is not what the exercises make; the exercises count.

    Raises:
        InputError: the file cannot be read or is no plain table, a row names no student or lesson, is longer than the
            head or somebody's second one, or has wrong points.
    """
    asked = {path.stem[:2]: _asked(path) for path in sources()}
    possible, by_hand = ({lesson: one[i] for lesson, one in asked.items()} for i in range(2))
    rows = [(f"{filled}, line {line}", row) for line, row in _rows(filled)
            if any((row[name] or "").strip() for name in ("student", "id", "lesson"))]        # no sums below
    grades, known = [], {}
    for where, row in rows:
        one = _grade(row, possible, where)
        if whole and (lacking := [name for name in one.of if name not in row]):
            raise InputError(f"{where}: the table has no column {', '.join(lacking)}, which lesson {one.lesson} needs; "
                             "give every column its name again")
        if known.setdefault(whose(one), where) != where:
            raise InputError(f"{where}: a second row of {one.submission.student} for lesson {one.lesson}, as in "
                             f"{known[whose(one)].rpartition(', ')[2]}; delete the one that is wrong")
        grades.append(one)
        if line := _other_sum(row.get("points") or "", one, by_hand[one.lesson]):
            told(f"{where}, {one.submission.student}: {line}")
    return grades


def _other_sum(text, one, by_hand):
    """Return a sentence where a row's sum is another than its exercises make, with or without those by hand."""
    text, without = text.strip(), one.total - sum(one.points[name] or 0 for name in by_hand)
    with suppress(ValueError):
        if not text or number(float(text.replace(",", "."))) in (number(one.total), number(without)):
            return ""
    return (f"'points' is {text}, but the exercises make {number(one.total)}, and that counts; to change "
            "points, change an exercise, or take them off in Moodle or Canvas")


def _rows(filled):
    """Return (line in the file, {column: text}) of a plain table; a short row has empty text for what it lacks."""
    try:
        text = text_of(filled)
        rows = csv.DictReader(io.StringIO(text, newline=""), restval="", delimiter=delimiter_of(text))
        found = [(rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{filled} cannot be read ({error}); expected a table saved as CSV, UTF-8") from None
    if not NEEDED <= set(rows.fieldnames or ()):
        raise InputError(f"{filled} is no table of a grading; expected one written with --columns plain")
    return found


def delimiter_of(text):
    """Return what separates the cells of a table: `;` where a spreadsheet has written it with decimal commas."""
    head = text.partition("\n")[0]
    return ";" if head.count(";") > head.count(",") else ","


def text_of(filled):
    """Return a table's text; Excel may have saved it in Windows's encoding."""
    if filled.read_bytes().startswith(b"PK"):                # a zip, as workbooks are
        raise InputError(f"{filled} is a workbook or an archive, expected a table as text; save it as CSV UTF-8 in "
                         "Excel, or unpack it first")
    try:
        return filled.read_text("utf-8-sig")
    except UnicodeDecodeError:
        return filled.read_text("cp1252")


def _asked(source):
    """Return {grade_id: most points} of a lesson, and which of these a person gives."""
    graded = [about for about in map(grading, regenerate(source).cells) if about.get("grade")]
    return ({about["grade_id"]: float(about["points"]) for about in graded},
            [about["grade_id"] for about in graded if about["solution"]])


def _grade(row, possible, where):
    if row.get(None):
        raise InputError(f"{where}: it has more cells than the head has columns; put a text with commas in it, or "
                         "points with one, into quotes")
    if not row["student"].strip():
        raise InputError(f"{where}: the row names no student")
    lesson = row["lesson"].strip()
    lesson = lesson.zfill(2) if lesson else lesson
    if lesson not in possible:
        raise InputError(f"{where}: there is no lesson {lesson!r}; expected one of {', '.join(possible)}")
    of = possible[lesson]
    points = {name: _points(row.get(name), most, f"{where}, {name}") for name, most in of.items()}
    student, comment = plain_text(row["student"]), plain_text(row.get("comment") or "").strip()
    file, _, inside = row["file"].partition(": ") if ".zip: " in row["file"].lower() else (row["file"], "", "")
    return Grade(Submission(student, row["id"], Path(file) if file else None, inside), lesson, of, points,
                 row["problem"], comment=comment)


def _points(text, most, where):
    """Return points, None where the cell is empty."""
    if not (text or "").strip():
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1
    if not 0 <= value <= most:
        raise InputError(f"{where}: {text!r} is no number of points; expected 0 to {most:g}, or nothing while it waits")
    return value
