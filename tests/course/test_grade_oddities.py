"""Submissions that are odd but honest, and some that are not: what they earn, and what whoever grades is told."""

import base64
import json
import os
import subprocess
import sys
import time

import nbformat
import pytest

pytest.importorskip("nbgrader")

from fercourse.course import examiner, grade, release, sandbox

from .test_grade import RIGHT, answered, cell, write

PIXEL = base64.b64encode(b"\x89PNG not really").decode()


@pytest.fixture
def released(lesson):
    return nbformat.read(release.build(lesson), as_version=4)


def graded(folder, lesson, told=None):
    found = grade.grade(folder, folder.parent / "grades.csv", lessons=[lesson], jobs=2,
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
    assert list(examiner._ended(book)) == ["Python ended in cell 5 (not graded); 3 cells after it did not run"]


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
