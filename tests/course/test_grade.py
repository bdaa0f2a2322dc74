"""A class of fourteen hands in a small lesson: everyone gets what they earned, whatever the others did."""

import csv
import json
import os
import re
import time

import nbformat
import pytest

pytest.importorskip("nbgrader")

from fercourse.course import examiner, grade, grades, notebooks, release, sandbox, submissions
from fercourse.course.feedback import write_pages
from fercourse.course.marking import write_marking
from fercourse.errors import InputError

ABOUT = '"locked": {}, "schema_version": 3, "solution": {}, "task": false'
LESSON = f"""# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 · Small

# %% nbgrader={{"grade": false, "grade_id": "07-double", {ABOUT.format("false", "true")}}}
def double(x):
    ### BEGIN SOLUTION
    doubled_up = x + x
    return doubled_up
    ### END SOLUTION

# %% nbgrader={{"grade": true, "grade_id": "07-double-test", "points": 2, {ABOUT.format("true", "false")}}}
assert double(3) == 6, "twice three"
### BEGIN HIDDEN TESTS
assert double(-2.5) == -5
### END HIDDEN TESTS

# %% [markdown] nbgrader={{"grade": false, "grade_id": "07-why-text", {ABOUT.format("true", "false")}}}
# Why does it double?

# %% [markdown] nbgrader={{"grade": true, "grade_id": "07-why", "points": 3, {ABOUT.format("false", "true")}}}
# Because adding a number to itself is what doubling means.

# %% nbgrader={{"grade": false, "grade_id": "07-name", {ABOUT.format("false", "true")}}}
### BEGIN SOLUTION
name = "anger"
### END SOLUTION

# %% nbgrader={{"grade": true, "grade_id": "07-name-test", "points": 1, {ABOUT.format("true", "false")}}}
import sys
print("a warning", file=sys.stderr)
assert name.startswith("a")
"""
PRIVATE = "assert double('ab') == 'abab', 'also words'"
RIGHT, ALSO = "def double(x):\n    return x * 2", "name = 'anger'"


def cell(book, name):
    return next(one for one in book.cells if one.metadata.get("nbgrader", {}).get("grade_id") == name)


def answered(released, double=RIGHT, name=ALSO, why="Adding is doubling."):
    """Return the student edition filled in, as Colab gives it back: ids dropped, metadata of its own."""
    book = nbformat.from_dict(released)
    for key, text in (("07-double", double), ("07-name", name), ("07-why", why)):
        if text is not None:
            cell(book, key).source = text
    for i, one in enumerate(book.cells):
        one.pop("id", None)
        one.metadata.update(id=f"x{i}", outputId="y", colab={"base_uri": "z"})
    book.metadata["colab"] = {"provenance": []}
    return book


def write(folder, student, book, name="Copy of 07_small.ipynb"):
    (folder / student).mkdir()
    (folder / student / name).write_text(book if isinstance(book, str) else json.dumps(book), encoding="utf-8")


def hand_in(folder, released, marker):
    """Write the class: {student: (double, name)} points expected."""
    def book(**answers):
        return answered(released, **answers)

    def put(student, handed_in):
        write(folder, student, handed_in)
    put("perfect", book())
    put("half", book(name="name = 'joy'"))
    put("untouched", book(double=None, name=None, why=None))
    put("wrong", book(double="def double(x):\n    return 7", name="name = 3"))
    put("endless", book(double="while True:\n    pass"))
    put("bomb", book(double="held = []\nwhile True:\n    held.append(b'x' * 10**7)"))
    gone = book()
    gone.cells = [one for one in gone.cells if one.metadata.get("nbgrader", {}).get("grade_id") not in
                  ("07-double-test", "07-why-text", "07-why")]
    put("deleted", gone)
    twice = book(name="name = 'joy'")
    copied = nbformat.from_dict(cell(twice, "07-name"))
    copied.source = ALSO
    twice.cells.insert(twice.cells.index(cell(twice, "07-name-test")), copied)
    twice.cells.append(nbformat.from_dict(cell(twice, "07-double-test")))
    put("doubled", twice)
    edited = book(double="def double(x):\n    return 0")
    cell(edited, "07-double-test").source = "pass"
    cell(edited, "07-double-test").metadata["nbgrader"].update(points=99, locked=False)
    put("edited", edited)
    put("syntax", book(double="def double(x:\n return"))
    put("outside", book(double=f"""
import os, shutil, signal
def double(x):
    try:
        open({str(marker)!r}, "w").write("been here")
    except OSError:
        pass
    assert not os.path.exists({str(folder / "perfect")!r}), "sees what others wrote"
    try:
        import urllib.request
        urllib.request.urlopen("http://192.0.2.1", timeout=2)
    except OSError as error:
        assert "unreachable" in str(error) or "refused" in str(error), error
    return x * 2"""))
    put("leaver", book(double="import os\nos._exit(0)"))
    put("broken", "{not json")
    (folder / "nobody").mkdir()
    peeks = book()
    peeks.cells += [nbformat.v4.new_code_cell(text) for text in (
        "print(In)", "from html import escape\nfrom IPython.display import HTML\nHTML('<pre>' + escape(repr(In)))")]
    put("peeks", peeks)
    script = book(why="<script>alert(1)</script>")
    script.cells.insert(0, nbformat.v4.new_code_cell("from IPython.display import HTML\nHTML('<script>x()</script>')"))
    script.cells.append(nbformat.v4.new_code_cell("# a cell of mine"))
    put("=cmd|script", script)
    return {"perfect": (2, 1), "half": (2, 0), "untouched": (0, 0), "wrong": (0, 0), "endless": (0, 1), "bomb": (0, 0),
            "deleted": (2, 1), "doubled": (2, 1), "edited": (0, 1), "syntax": (0, 1), "outside": (2, 1),
            "leaver": (0, 0), "broken": (0, 0), "nobody": (0, 0), "peeks": (2, 1),
            "=cmd|script": (2, 1)}


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    path = tmp_path_factory.mktemp("course") / "07_small.py"
    path.write_text(LESSON, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebooks, "FOLDER", path.parent)
        yield path


@pytest.fixture(scope="module")
def graded(lesson, tmp_path_factory):
    """Return the class's grades by student, what was expected, and the folder of results."""
    home = tmp_path_factory.mktemp("class")
    folder, hidden, out = home / "in", home / "private", home / "out"
    folder.mkdir()
    hidden.mkdir()
    (hidden / "07-double-test.py").write_text(PRIVATE)
    expected = hand_in(folder, nbformat.read(release.build(lesson), as_version=4), home / "marker")
    start = time.monotonic()
    grades = grade.grade(folder, out / "grades.csv", hidden=hidden, jobs=2,
                         limits=sandbox.Limits(cell=5, whole=45, memory=500 << 20))
    assert time.monotonic() - start < 300
    return {one.submission.student: one for one in grades}, expected, out, home


def test_everyone_gets_what_they_earned(graded):
    grades, expected, _, _ = graded
    found = {name: (one.points["07-double-test"], one.points["07-name-test"]) for name, one in grades.items()}
    assert found == expected | ({} if sandbox.walled() else {"outside": found["outside"]})


def test_written_answers_wait_for_a_person(graded):
    grades, _, out, _ = graded
    assert grades["perfect"].points["07-why"] is None
    assert grades["untouched"].points["07-why"] == grades["deleted"].points["07-why"] == 0
    page = (out / "written.html").read_text()
    assert "Adding is doubling." in page and "&lt;script&gt;" in page and "<script>" not in page


def test_what_went_wrong_is_told(graded):
    told = {name: one.problem for name, one in graded[0].items()}
    assert told["endless"] == "1 cell ran longer than 5 s: cell 1 (07-double)"
    assert told["leaver"] == "Python ended in cell 1 (07-double); 3 cells after it did not run"
    assert told["deleted"] == "07-why: its cell is missing"
    assert "GiB of memory" in told["bomb"]
    assert "not a notebook" in told["broken"] and told["nobody"] == "no notebook was handed in"
    assert told["perfect"] == told["untouched"] == ""


def test_nothing_outside_was_touched(graded):
    if not sandbox.walled():
        pytest.skip("this system cannot shut submissions in")
    assert not (graded[3] / "marker").exists()


def test_without_walls_the_limits_still_hold(monkeypatch):
    monkeypatch.setattr(sandbox, "walled", lambda: False)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (
        "import subprocess\nprocess = subprocess.Popen(['sleep', '600'])\nprint(process.pid)", "while True: pass")])
    ran = sandbox.run(book, sandbox.Limits(cell=60, whole=12))
    assert ran.stopped == "stopped after 12 s"
    import psutil
    if ran.outputs:                                          # a slow machine may not come so far
        pid = int(ran.outputs[0][0].text)
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_table(graded):
    _, expected, out, _ = graded
    rows = list(csv.DictReader((out / "grades.csv").open(encoding="utf-8-sig")))
    perfect = next(row for row in rows if row["student"] == "perfect")
    assert (perfect["points"], perfect["by hand"], perfect["of"], perfect["07-double-test"]) == ("3", "3", "6", "2")
    assert len(rows) == len(expected) and any(row["student"] == "'=cmd|script" for row in rows)


def test_feedback_shows_points_but_no_private_tests(graded):
    _, expected, out, _ = graded
    pages = {path.stem: path.read_text() for path in (out / "feedback").iterdir()}
    assert len(pages) == len(expected)
    perfect = " ".join(re.sub(r"<style.*?</style>|<[^>]+>", "", pages["perfect-07"], flags=re.DOTALL).split())
    assert "perfect, lesson 07: 3 of 3 points; 3 more are given by a person" in perfect
    assert "07-double-test: 2 of 2 07-why: waits for a person 07-name-test: 1 of 1" in perfect
    assert "0.0 / 3" not in perfect
    assert "07-double-test" in pages["perfect-07"] and "return x * 2" in perfect
    assert "are given by a person" in perfect and "GiB of memory" in pages["bomb-07"]
    for page in pages.values():
        assert "abab" not in page and "-2.5" not in page
    script = next(page for name, page in pages.items() if "script" in name)
    assert script.index("Content-Security-Policy") < script.index("x()")


@pytest.mark.parametrize(("columns", "first", "row"), [
    ("moodle", ["Identifier", "Full name", "Grade", "Maximum grade", "Feedback comments", "Last modified (grade)"],
     ["Participant 12", "Bo Lee"]),
    ("canvas", ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "fercourse 07"], ["leebo", "4711"]),
])
def test_tables_for_moodle_and_canvas(columns, first, row, lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(examiner, "run", lambda *_: sandbox.Run())
    (tmp_path / "in").mkdir()
    book = answered(nbformat.read(release.build(lesson), as_version=4))
    if columns == "moodle":
        write(tmp_path / "in", "Bo Lee_12_assignsubmission_file_", book)
    else:
        (tmp_path / "in" / "leebo_LATE_4711_99_07_small.ipynb").write_text(json.dumps(book))
    grade.grade(tmp_path / "in", tmp_path / "g.csv", columns=columns)
    rows = list(csv.reader((tmp_path / "g.csv").open(encoding="utf-8")))
    assert rows[0] == first
    assert rows[-1][:2] == row and ("0" in rows[-1])               # nothing ran, so nothing was earned


def test_the_newest_of_two_counts(lesson, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(examiner, "run", lambda book, *_: ran.append(book) or sandbox.Run())
    (tmp_path / "in").mkdir()
    book = answered(nbformat.read(release.build(lesson), as_version=4), double="old = 1")
    write(tmp_path / "in", "ann", book)
    newer = answered(nbformat.read(release.build(lesson), as_version=4), double="newer = 1")
    (tmp_path / "in" / "ann" / "07_small (1).ipynb").write_text(json.dumps(newer))
    os.utime(tmp_path / "in" / "ann" / "Copy of 07_small.ipynb", (1, 1))
    grade.grade(tmp_path / "in", tmp_path / "g.csv")
    assert [cell(one, "07-double").source for one in ran] == ["newer = 1"]


@pytest.mark.parametrize(("change", "words"), [
    ({"columns": "excel"}, "no columns 'excel'"),
    ({"hidden": grade.ROOT / "tests"}, "lies inside the course"),
    ({"folder": "none"}, "is not a folder"),
    ({"folder": "empty"}, "holds no submissions"),
])
def test_wrong_arguments_are_told(change, words, lesson, tmp_path):
    (tmp_path / "empty").mkdir()
    folder = tmp_path / change.pop("folder", "empty")
    with pytest.raises(InputError, match=words):
        grade.grade(folder, tmp_path / "g.csv", **change)


@pytest.mark.parametrize(("text", "words"), [(b"check(double", "was never closed.*grade again"),
                                             (b"assert '\xfc'", "expected Python in UTF-8")])
def test_private_tests_that_cannot_run_are_refused(text, words, lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(examiner, "run", lambda *_: pytest.fail("it ran"))
    (tmp_path / "in").mkdir()
    write(tmp_path / "in", "ann", answered(nbformat.read(release.build(lesson), as_version=4)))
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "07-double-test.py").write_bytes(text)
    with pytest.raises(InputError, match=words):
        grade.grade(tmp_path / "in", tmp_path / "g.csv", hidden=tmp_path / "h")
    (tmp_path / "h" / "07-double-test.py").write_text("%matplotlib inline\nassert double(1) == 2")
    assert "%matplotlib" in grade._tests(tmp_path / "h")["07-double-test"]


def test_students_are_told_in_words_and_lecturers_why(lesson, tmp_path, monkeypatch):
    def run(*_):
        raise ZeroDivisionError("within")
    told = []
    monkeypatch.setattr(examiner, "run", run)
    (tmp_path / "in").mkdir()
    write(tmp_path / "in", "ann", answered(nbformat.read(release.build(lesson), as_version=4)))
    (ann,) = grade.grade(tmp_path / "in", tmp_path / "g.csv", told=told.append)
    assert "hand it in again" in ann.problem and "Zero" not in ann.problem and ann.total == 0
    assert "ann could not be graded (ZeroDivisionError: within)" in told


def test_half_a_character_costs_nothing(tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)  # \ud83d")])
    assert sandbox.run(book, sandbox.Limits(cell=60, whole=60)).outputs[0][0].text == "1\n"
    one = grades.Grade(submissions.Submission("M\udcfcller", "", None), "07", {}, {}, "half \ud83d")
    write_pages([one], tmp_path / "g.csv", [one])
    write_marking([one], tmp_path / "g.csv", grades.table([one], "plain"), [one])
    grades.write(tmp_path / "g.csv", grades.table([one], "plain"))
    assert "M?ller" in (tmp_path / "g.csv").read_text("utf-8-sig")


def test_a_cell_that_calls_exit_is_told(tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (
        "1", "exit()", "2", "3")])
    ran = sandbox.run(book, sandbox.Limits(cell=60, whole=60))
    examiner._fill(book, ran.outputs)
    assert list(examiner._ended(book)) == ["Python ended in cell 2 (not graded); 2 cells after it did not run"]


def test_private_tests_for_an_answer_are_refused(lesson, tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in", "ann", answered(nbformat.read(release.build(lesson), as_version=4)))
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "07-double.py").write_text("assert True")
    with pytest.raises(InputError, match="no test cell"):
        grade.grade(tmp_path / "in", tmp_path / "g.csv", hidden=tmp_path / "h")


def test_names_of_files_tell_students_and_lessons(tmp_path):
    for name in ("Copy of 01_baseline.ipynb", "lee 01_baseline (2).ipynb", "kim_7_8_02_wscfer-1.ipynb",
                 "Bo Lee_12_assignsubmission_file_02_wscfer.ipynb"):
        (tmp_path / name).write_text("{}")
    found = {one.student: one.ident for one in submissions.find(tmp_path)}
    assert found == {"Copy of 01_baseline": "", "lee": "", "kim": "7", "Bo Lee": "12"}
    assert submissions.lesson_of(None, tmp_path / "kim_7_8_02_wscfer-1.ipynb", {"01", "02"}) == "02"


def test_a_notebook_that_cannot_be_drawn_costs_nobody_their_feedback(graded, tmp_path, monkeypatch):
    from fercourse.course import feedback as pages
    found, draw = [*graded[0].values()], pages.feedback
    spoilt = next(one for one in found if one.book is not None)
    monkeypatch.setattr(pages, "feedback", lambda one: 1 / 0 if one is spoilt else draw(one))
    told = []
    write_pages(found, tmp_path / "grades.csv", found, told.append)
    texts = {path.name: path.read_text() for path in (tmp_path / "feedback").iterdir()}
    assert len(texts) == len(found)
    assert sum("could not be drawn" in text and f"{spoilt.total:g} of" in text for text in texts.values()) == 1
    assert told == [f"{spoilt.submission.student}: the notebook cannot be drawn (ZeroDivisionError: division by zero); "
                    "the page has the points alone"]
