"""Graded a second time, stopped in the middle, or pointed at a wrong place: no points are lost."""

import _thread
import csv
import errno
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

pytest.importorskip("nbgrader")

from fercourse.course import examiner, grade, grades, release, sandbox
from fercourse.errors import InputError

from .test_grade import answered, write


@pytest.fixture
def folder(lesson, tmp_path):
    """Return a folder of three submissions whose written answers wait for a person."""
    (tmp_path / "in").mkdir()
    for student in ("ann", "ben", "cem"):
        write(tmp_path / "in", student, answered(nbformat.read(release.build(lesson), as_version=4)))
    return tmp_path / "in"


def rows(path):
    return {row["student"]: row for row in csv.DictReader(path.open(encoding="utf-8-sig"))}


def fill_in(path, **points):
    """Give a written answer's points by hand, as a spreadsheet saves them."""
    table = rows(path)
    for student, value in points.items():
        assert table[student]["07-why"] == ""
        table[student]["07-why"] = value
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table["ann"])
        writer.writeheader()
        writer.writerows(table.values())


@pytest.fixture
def filled(folder, lesson, tmp_path, monkeypatch):
    """Return a table in which ann and ben have points by hand."""
    monkeypatch.setattr(examiner, "run", lambda *_: sandbox.Run())
    grade.grade(folder, tmp_path / "grades.csv")
    fill_in(tmp_path / "grades.csv", ann="2,5", ben="0")
    return tmp_path / "grades.csv"


def test_points_by_hand_are_carried_over(filled, folder, lesson):
    told = []
    grade.grade(folder, filled, told=told.append)
    assert [row["07-why"] for row in rows(filled).values()] == ["2.5", "", ""]
    [line] = [line for line in told if "by hand for 1 answer carried over" in line]       # 0 may be nobody's judgement
    assert "grades.csv: ann; written.html" in line
    assert not filled.with_name("grades.before.csv").exists()


@pytest.mark.parametrize("columns", ["plain", "moodle"])
def test_a_table_that_says_more_is_kept(columns, filled, folder, lesson):
    (folder / "ann" / "Copy of 07_small.ipynb").unlink()
    (folder / "ann").rmdir()
    earlier, told = filled.read_bytes(), []
    for name in ("grades.before.csv", "grades.before-2.csv"):
        filled.write_bytes(earlier)
        grade.grade(folder, filled, columns=columns, told=told.append)
        assert filled.with_name(name).read_bytes() == earlier and any(name in line for line in told)
    assert filled.read_bytes() != earlier


def test_a_plain_table_is_kept_where_another_takes_its_place(filled, folder, lesson):
    earlier = filled.read_bytes()
    grades = grade.grade(folder, filled, columns="canvas")
    assert filled.with_name("grades.before.csv").read_bytes() == earlier and grades[0].total == 2.5


@pytest.mark.parametrize("text", ["student,note\nann,good\n", "\0", "", f"student\n{'x' * 200_000}\n"],
                         ids=["columns", "nul", "empty", "long"])
def test_a_table_that_nobody_understands_is_kept(text, filled, folder, lesson):
    filled.write_text(text)
    grade.grade(folder, filled)
    assert filled.with_name("grades.before.csv").read_text() == text and len(rows(filled)) == 3


def test_a_column_of_notes_is_kept(filled, folder, lesson):
    lines = filled.read_text("utf-8").splitlines()
    filled.write_text("\n".join([lines[0] + ",note", lines[1] + ",well said", *lines[2:]]), encoding="utf-8")
    grade.grade(folder, filled)
    assert "well said" in filled.with_name("grades.before.csv").read_text("utf-8")
    assert rows(filled)["ann"]["07-why"] == "2.5"


def test_an_interruption_keeps_what_was_finished(folder, lesson, tmp_path, monkeypatch):
    def run(book, limits, hidden, given_up):
        ran.append(book)
        if len(ran) == 2:
            raise KeyboardInterrupt
        if len(ran) > 2:                                     # begun before the interruption was noticed
            assert given_up.wait(30)
        return sandbox.Run()
    ran, told = [], []
    monkeypatch.setattr(examiner, "run", run)
    with pytest.raises(KeyboardInterrupt):
        grade.grade(folder, tmp_path / "out" / "g.csv", told=told.append)
    assert list(rows(tmp_path / "out" / "g.csv")) == ["ann"]
    assert [path.name for path in (tmp_path / "out" / "feedback").iterdir()] == ["ann-07.html"]
    assert told[-1].startswith("2 of 3 submissions are missing") and "g.csv has the others" in told[-1]


@pytest.mark.parametrize(("name", "send"), [
    ("SIGTERM", lambda number: os.kill(os.getpid(), number)), ("SIGHUP", lambda number: os.kill(os.getpid(), number)),
    ("SIGTERM", _thread.interrupt_main)], ids=["SIGTERM", "SIGHUP", "just before a wait, which goes on"])
def test_a_request_to_end_is_an_interruption(name, send, folder, lesson, tmp_path, monkeypatch):
    if os.name == "nt":
        pytest.skip("ends at once on this system")

    def run(book, limits, hidden, given_up):
        ran.append(book)
        if len(ran) == 2:
            assert signal.getsignal(number) is not signal.SIG_DFL, "it would end the tests"
            send(number)
        assert len(ran) == 1 or given_up.wait(30)
        return sandbox.Run()

    def closed(line):
        raise OSError(5, "Input/output error")
    ran, number = [], getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)                     # whatever the tests were started by ignores it
    monkeypatch.setattr(examiner, "run", run)
    try:
        with pytest.raises(KeyboardInterrupt):
            grade.grade(folder, tmp_path / "g.csv", told=closed)
        assert list(rows(tmp_path / "g.csv")) == ["ann"] and signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_what_is_ignored_stays_so():
    if os.name == "nt":
        pytest.skip("has no hangup")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with grade._interruptible():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


class Killed(BaseException):
    """Ends a grading at once, as no signal that can be caught does."""


def test_a_grading_that_was_killed_costs_only_what_ran(folder, lesson, tmp_path, monkeypatch):
    def run(book, *_):
        ran.append(book)
        if len(ran) == 3:
            raise Killed
        return sandbox.Run()
    ran, told, out = [], [], tmp_path / "grades.csv"
    monkeypatch.setattr(examiner, "run", run)
    with monkeypatch.context() as dead:
        dead.setattr(grade, "_write", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            grade.grade(folder, out)
    left = tmp_path / "grades.unfinished.csv"
    assert not out.exists() and len(left.read_text().split()) > 2
    left.write_text(left.read_text()[:-9])                   # the last line is cut off
    grade.grade(folder, out, told=told.append)
    assert len(ran) == 5 and list(rows(out)) == ["ann", "ben", "cem"] and not left.exists()
    assert any(line.startswith("1 of 3 do not run again, as a grading that was cut off had") for line in told)
    assert (tmp_path / "feedback" / "ann-07.html").is_file() and "ann" in (tmp_path / "written.html").read_text()
    grade.grade(folder, out)
    assert len(ran) == 8, "a grading that came to its end leaves nothing"


def test_an_interruption_gives_up_what_runs(folder, lesson, tmp_path, monkeypatch):
    def run(book, limits, hidden, given_up):
        ran.append(book)
        if len(ran) == 1:
            raise KeyboardInterrupt
        assert given_up.wait(30)
        return sandbox.Run(stopped="given up")
    ran = []
    monkeypatch.setattr(examiner, "run", run)
    with pytest.raises(KeyboardInterrupt):
        grade.grade(folder, tmp_path / "g.csv", jobs=2)
    assert not (tmp_path / "g.csv").exists()                 # nobody was finished, so nothing is overwritten


@pytest.mark.parametrize(("out", "words"), [("file/grades.csv", "a file is where a folder is needed"),
                                            ("folder", "is a folder; expected the table's own name"),
                                            ("taken/grades.csv", "a file is where a folder is needed")])
def test_a_place_that_cannot_be_written_is_told_before_anything_runs(out, words, folder, lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(examiner, "run", lambda *_: pytest.fail("it ran"))
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "feedback").touch()
    with pytest.raises(InputError, match=words):
        grade.grade(folder, tmp_path / out)
    assert not list(tmp_path.rglob("*.trial"))


def test_a_table_that_a_spreadsheet_holds_is_told_before_anything_runs(filled, folder, lesson, monkeypatch):
    def held(path, mode="r", *args, **options):
        if path == filled and mode == "r+b":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, mode, *args, **options)
    opened, before = Path.open, filled.read_bytes()
    monkeypatch.setattr(examiner, "run", lambda *_: pytest.fail("it ran"))
    monkeypatch.setattr("pathlib.Path.open", held)
    monkeypatch.setattr(grades, "sys", SimpleNamespace(platform="win32"))
    with pytest.raises(InputError, match=r"grades\.csv cannot be written over .*: close it where it is open"):
        grade.grade(folder, filled)
    assert filled.read_bytes() == before


def test_a_place_that_can_be_written_is_left_as_it_was(folder, lesson, tmp_path, monkeypatch):
    seen, home = [], tmp_path / "o"
    monkeypatch.setattr(examiner, "run", lambda *_: seen.append(list(home.rglob("*"))) or sandbox.Run())
    grade.grade(folder, home / "g.csv")
    assert seen[0] == [home / "feedback"]


def test_runs_see_no_earlier_table_or_page(filled, folder, lesson, monkeypatch):
    hidden = []
    monkeypatch.setattr(examiner, "run", lambda book, limits, places, _: hidden.extend(places) or sandbox.Run())
    filled.with_name("moodle.csv").touch()
    grade.grade(folder, filled)
    assert {filled.with_name(name) for name in ("grades.csv", "moodle.csv", "written.html", "feedback")} < set(hidden)


def test_what_was_set_aside_is_told_at_the_end_once_more(folder, lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(examiner, "run", lambda *_: sandbox.Run())
    (folder / "ann" / "07_notes.ipynb").touch()
    told = []
    grade.grade(folder, tmp_path / "g.csv", told=told.append)
    assert told[0] == told[-1] and told[0].startswith("ann: set aside 07_notes.ipynb (not a notebook: empty")


def test_a_lesson_is_chosen_by_any_of_its_names(folder, lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(examiner, "run", lambda *_: sandbox.Run())
    for name in ("7", "07", "07_small"):
        assert len(grade.grade(folder, tmp_path / "g.csv", lesson=name)) == 3
    for name in ("", "0"):
        with pytest.raises(InputError, match="expected one of 07_small"):
            grade.grade(folder, tmp_path / "g.csv", lesson=name)
