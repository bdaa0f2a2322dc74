"""Grade a folder of submissions: points per exercise as CSV, a feedback page a student, written answers on one page.

nbgrader's preprocessors and its rule for points (extra `instructor`), without its server and database. Tests in a
student's own process can be fooled by code that means to: read what earns full marks too easily.
"""

import ast
import secrets
import signal
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread

from ..errors import InputError
from . import again, submissions
from .chosen import choose, number_of
from .examiner import Asked, Examiner
from .feedback import write_pages
from .giveback import packed
from .grades import Grade, known, nameless, one_lesson, probe, table, write
from .marking import write_marking
from .marks import carried, readable, stamped
from .notebooks import ROOT, grade_id, sources
from .release import nbgrader
from .sandbox import Limits
from .unfinished import Unfinished


@contextmanager
def _interruptible():
    """Let a request to end, or the terminal's hangup, interrupt as Ctrl-C does; what is ignored (nohup) stays so."""
    def interrupt(number, frame):
        for one in before:                                   # a second one must not cost the table
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = numbers if current_thread() is main_thread() else []              # only there Python takes signals
    before = {one: signal.SIG_DFL for one in numbers if signal.getsignal(one) == signal.SIG_DFL}
    for one in before:
        signal.signal(one, interrupt)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@_interruptible()
def grade(folder: Path, out: Path, *, columns: str = "plain", hidden: Path | None = None, lesson: str | None = None,
          limits: Limits = Limits(), jobs: int = 1, students=(),                                    # noqa: B008
          told=lambda line: None) -> list[Grade]:
    """Grade every submission below a folder, and write `out`, `feedback/` and `written.html` beside it.

    Interrupted, by Ctrl-C, TERM or a closed terminal, it stops what runs, and writes what those earned who were
    finished. Killed, it leaves these beside `out`, and the next grading takes them from there. Points given by hand in
    an earlier table at `out` are carried over; a table that says anything else is kept beside the new one.

    Args:
        hidden: folder of private tests, `GRADE_ID.py` each, added to the test cell of that name.
        lesson: such as `"01"`; only what answers it, and what does not tell which lesson it answers.
        students: names or ids of those who are graded; the table's other rows stay. Default: everybody.
        told: gets one line a submission, and one for whatever is left aside, carried over, kept or missing.

    Raises:
        InputError: wrong arguments, `out` cannot be written, or a lesson's own solution does not earn all points; never
            for what a student handed in.
    """
    told = _unbroken(told)
    known(columns)
    paths = {path.stem[:2]: path for path in sources()}
    lesson, tests = number_of(lesson, paths), _tests(hidden)
    before = again.earlier(out, columns) if students else []
    found = submissions.find(folder)
    aside = []
    handed_in = choose(again.only(found, students) if students else found, paths, lesson, aside.append)
    for line in aside:
        told(line)
    needed = {number for _, _, number, _ in handed_in}
    one_lesson(columns, needed)
    probe(out)
    readable(out)
    asked = {number: Asked.of(paths[number], tests) for number in needed}
    _tell_unused(tests, asked.values(), told)
    told(f"{len(handed_in)} submissions" if len(handed_in) != 1 else "1 submission")
    kept = Unfinished(out.with_name(f"{out.stem}.unfinished.csv"), asked, limits)
    examiner = Examiner(asked, limits, [folder, *([hidden] if hidden else ()), *_earlier(out), kept.path], told, kept)
    read = sorted({number for _, book, number, _ in handed_in if book is not None})
    _each(examiner.expect_all, read, jobs, examiner.given_up)
    kept.tell(handed_in, told)
    try:
        _each(examiner.mark, handed_in, jobs, examiner.given_up)
    finally:
        grades = examiner.grades()
        lost = [one[0].student for i, one in enumerate(handed_in) if i not in examiner.finished]
        if lost and not before:                              # those who are missing keep the rows they had
            with suppress(InputError):
                before = again.earlier(out, columns)
        if grades:
            _write(grades, before, out, columns, told, whole=not (students or before))
        if not lost:
            kept.path.unlink(missing_ok=True)                # the table says it by now
        for line in aside:                                   # once more: the first time is an hour up the terminal
            told(line)
        if lost:
            told(_interrupted(lost, len(handed_in), out if grades else None))
    return grades


def _tell_unused(tests, asked, told):
    """Tell of private tests that no lesson of these submissions has a cell for."""
    if unknown := tests.keys() - {grade_id(cell) for one in asked for cell in one.released.cells}:
        told(f"private tests of other lessons left aside: {', '.join(sorted(unknown))}")


MOST_NAMED = 8


def _interrupted(lost, count, out):
    """Return a line that says who is missing of `count`, and how to grade them where `out` has the others."""
    names = list(dict.fromkeys(lost))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (f"{len(lost)} of {count} submissions are missing, as the grading was interrupted: "
            f"{', '.join(names[:MOST_NAMED])}{more}"
            + (f"; {out} has the others, which do not run again: give the same command once more" if out else ""))


def _write(grades, before, out, columns, told, whole):
    """Write the table, its rows of `before` included, and the pages of those who were graded.

    The page of written answers, which holds the table too, comes first: it must never be older than the table.
    """
    all_ = again.among(grades, before)
    kept, stamp = carried(all_, out, columns, told), secrets.token_hex(4)
    plain = stamped(table(all_, "plain"), stamp)
    missing = write_marking(all_, out, plain, grades, whole=whole, columns=columns, stamp=stamp)
    write(out, plain if columns == "plain" else table(all_, columns), kept, columns)
    write_pages(all_, out, grades, told)
    if missing:
        told(f"{missing} more answer{'s' * (missing != 1)} wait{'s' * (missing == 1)} for points, but are not on "
             "written.html, as an earlier page is gone; grade everybody again to see them")
    if columns == "moodle":
        told(packed(all_, out.parent / "feedback", out.with_name("feedback.zip")))
    if line := nameless(all_, columns):
        told(line)


def _earlier(out):
    """Return where earlier gradings left what nobody who is graded should read."""
    return [out, *(path for name in ("*.csv", "written*.html", "feedback*") for path in out.parent.glob(name))]


def _each(one, items, jobs, given_up):
    """Call one(i, item) for every item, several at a time; an interruption gives up those that run."""
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        try:
            running = [pool.submit(one, i, item) for i, item in enumerate(items)]
            while running:                                   # a signal that came just before a wait is taken after it
                ended, running = wait(running, timeout=1, return_when=FIRST_EXCEPTION)
                for future in ended:
                    future.result()
        except BaseException:
            given_up.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _unbroken(told):
    """Return a teller to whom a closed terminal is no error."""
    def tell(line):
        with suppress(OSError):
            told(line)
    return tell


# ---------------------------------------------------------------------- reading

def _tests(hidden):
    """Return {grade_id: text} of private tests."""
    if hidden is None:
        return {}
    if not hidden.is_dir():
        raise InputError(f"{hidden} is not a folder; expected private tests in it, GRADE_ID.py each")
    if hidden.resolve().is_relative_to(ROOT):
        raise InputError(f"{hidden} lies inside the course's own folder, where tests do not stay private; move it out")
    return {path.stem: _code(path) for path in sorted(hidden.glob("*.py"))}


def _code(path):
    """Return a private test that can be run: one that cannot would cost everybody the points."""
    nbgrader()                                               # brings IPython, or says how to get it
    from IPython.core.inputtransformer2 import TransformerManager
    try:
        text = path.read_text("utf-8-sig").rstrip()
        compile(TransformerManager().transform_cell(text), str(path), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"private tests {path} cannot be run ({error}); expected Python in UTF-8; mend the file "
                         "and grade again") from None
    return text
