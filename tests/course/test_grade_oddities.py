"""Submissions that are odd but honest, and some that are not: what they earn, and what whoever grades is told."""

import base64
import json
import os
import re
import subprocess
import sys
import time

import nbformat
import pytest

pytest.importorskip("nbgrader")

from fercourse.course import examiner, grade, inside, release, sandbox
from fercourse.errors import InputError

from .test_grade import LESSON, RIGHT, answered, cell, write

PIXEL = base64.b64encode(b"\x89PNG not really").decode()


@pytest.fixture
def released(lesson):
    return nbformat.read(release.build(lesson), as_version=4)


def graded(folder, lesson, told=None):
    found = grade.grade(folder, folder.parent / "grades.csv", jobs=2,
                        limits=sandbox.Limits(cell=30, whole=120), told=(told if told is not None else []).append)
    return {one.submission.student: one for one in found}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_what_is_odd_costs_nothing_and_what_cheats_is_told(folder, lesson, released):
    loud = answered(released)
    loud.cells.insert(0, nbformat.v4.new_code_cell("print('y' * 3_000_000)\nfor i in range(3):\n    print(i)"))
    write(folder, "loud", loud)
    below = answered(released, double=None)
    below.cells.insert(below.cells.index(cell(below, "07-double")) + 1, nbformat.v4.new_code_cell(RIGHT))
    write(folder, "below", below)
    cheat = answered(released, double=None)
    cheat.cells.insert(cheat.cells.index(cell(cheat, "07-double")) + 1, nbformat.v4.new_code_cell(
        "globals()['dou' + 'ble'] = lambda x: x + x"))
    write(folder, "cheat", cheat)
    painter = answered(released, why="See ![plot](attachment:my%20plot.png) and ![](attachment:gone.png).")
    cell(painter, "07-why")["attachments"] = {"my plot.png": {"image/png": PIXEL}, "x": {"text/html": "<b>"}}
    write(folder, "painter", painter)
    told = []
    found = graded(folder, lesson, told)
    assert {name: one.points["07-double-test"] for name, one in found.items()} == dict.fromkeys(found, 2)
    assert found["loud"].problem == found["painter"].problem == found["below"].problem == ""
    assert found["cheat"].problem == "07-double: points without an answer in its cell, read the notebook"
    page = (folder.parent / "feedback" / "painter-07.html").read_text()
    assert f"data:image/png;base64,{PIXEL}" in page and "(a picture, without a name, is missing)" in page
    assert "was cut off here" in (folder.parent / "feedback" / "loud-07.html").read_text()
    assert told[0] == "4 submissions"


def test_the_courses_own_edition_counts_only_where_nothing_else_does_and_is_told(folder, lesson, released):
    from fercourse.course.notebooks import regenerate
    own = regenerate(lesson)
    write(folder, "ann", own, "07_small.ipynb")
    write(folder, "bob", own, "07_small.ipynb")
    mine = folder / "bob" / "student" / "07_small.ipynb"
    mine.parent.mkdir()
    mine.write_text(json.dumps(answered(released, double="def double(x):\n    return 0")))
    os.utime(mine, (1, 1))
    found = graded(folder, lesson)
    assert found["ann"].problem.startswith("handed in the course's own edition, which holds the solutions")
    assert found["bob"].points["07-double-test"] == 0 and not found["bob"].problem


def test_a_cell_that_heeds_no_interruption_does_not_use_up_the_time_of_all_others():
    deaf = "import time\nwhile True:\n    try:\n        time.sleep(600)\n    except BaseException:\n        pass"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (
        "1", "while True: pass", "2", deaf, *"3456")])
    ran = sandbox.run(book, sandbox.Limits(cell=4, whole=600))
    examiner._fill(book, ran.outputs)
    assert list(ran.outputs) == [0, 1, 2, 3] and not ran.stopped
    assert list(examiner._late(book, sandbox.Limits(cell=4))) == [
        "2 cells ran longer than 4 s: cell 2 (not graded), cell 4 (not graded)"]
    assert list(examiner._ended(book)) == [
        "cell 4 (not graded) went on though it was interrupted; 4 cells after it did not run"]


def test_an_interrupted_cell_has_more_time_on_a_loaded_machine(monkeypatch):
    monkeypatch.setattr(inside.os, "cpu_count", lambda: 2)
    for load, seconds in ((0.5, 15), (8, 60), (100, 120)):
        monkeypatch.setattr(inside.os, "getloadavg", lambda load=load: (load, 0, 0))
        assert inside._patience() == seconds


def test_a_run_sees_neither_the_solutions_nor_the_history():
    if not sandbox.walled():
        pytest.skip("this system cannot shut submissions in")
    look = (f"import os\nprint([name for name in ('.git', 'notebooks', 'tests', 'docs') "
            f"if os.path.exists('{sandbox.ROOT}/' + name)])")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(look)])
    assert sandbox.run(book, sandbox.Limits(cell=60, whole=60)).outputs[0][0].text == "[]\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell which pages are shared")
def test_pages_that_processes_share_count_once():
    family = ("import os, time\nheld = bytearray(os.urandom(1)) * 150_000_000\nprint(1, flush=True)\n"
              "[os.fork() for _ in range(3)]\ntime.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", family], stdout=subprocess.PIPE) as parent:
        try:
            parent.stdout.readline()
            time.sleep(1)
            assert sandbox._resident(parent.pid, 10**12) > 8 * 140_000_000
            assert sandbox._resident(parent.pid, 500_000_000) < 400_000_000
        finally:
            sandbox._kill(parent)


@pytest.mark.parametrize(("hidden", "change", "words"), [
    ("assert doubled(2) == 4", ("", ""), r"07-double-test with its hidden tests \(NameError: name 'doubled' is not"),
    ("assert double(2) == 4", ('startswith("a")', 'startswith("b")'), r"07-name-test \(AssertionError: \)"),
    ("assert double(factor) == 4", ("# # 07 · Small", "# # 07 · Small\n\n# %%\nfactor = 2"), ""),
], ids=["private", "changed", "needs the whole lesson"])
def test_a_lesson_whose_solution_fails_its_tests_grades_nobody(hidden, change, words, lesson, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "07_small.py").write_text(LESSON.replace(*change), encoding="utf-8")
    write(tmp_path / "in", "ann", answered(nbformat.read(release.build(lesson), as_version=4), name="name = 'b'"))
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "07-double-test.py").write_text(hidden)
    try:
        grade.grade(tmp_path / "in", tmp_path / "g.csv", hidden=tmp_path / "h")
        told = ""
    except InputError as error:
        told = str(error)
    assert re.search(f"^lesson 07: its own solution does not pass {words}" if words else "^$", told)
    assert (tmp_path / "g.csv").exists() == (not words)
