"""Feedback given back: marked by hand, one student again, and packed as Moodle takes it."""

import csv
import re
import shutil
import zipfile

import nbformat
import pytest

pytest.importorskip("nbgrader")

from fercourse.course import examiner, grade, grades, marks, release, sandbox
from fercourse.course.feedback import page_names
from fercourse.course.submissions import Submission
from fercourse.errors import InputError
from tests.line import call

from .test_grade import answered, write

NAMES = ("ann_12_assignsubmission_file", "Ben O'Neill_013_assignsubmission_file_", "cem_14_assignsubmission_file_")


@pytest.fixture
def folder(lesson, tmp_path, monkeypatch):
    """Return a folder of three submissions as Moodle gives them, none of which needs to run."""
    monkeypatch.setattr(examiner, "run", lambda *_: sandbox.Run())
    (tmp_path / "in").mkdir()
    for name in NAMES:
        write(tmp_path / "in", name, answered(nbformat.read(release.build(lesson), as_version=4)))
    return tmp_path / "in"


def rows(path):
    """Return a table's rows, without the column that tells which grading it is of."""
    return [{name: text for name, text in row.items() if not name.startswith(marks.GRADING)}
            for row in csv.DictReader(path.open(encoding="utf-8-sig"))]


def fill_in(path, student, points):
    """Give one student points by hand, in a table that was sorted the other way round."""
    table = sorted(rows(path), key=lambda row: row["student"], reverse=True)
    next(row for row in table if row["student"] == student)["07-why"] = points
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows(table)


def moodle(name):
    """Return participant and file as Moodle reads a name: it splits at the first four underscores."""
    _, participant, plugin, kind, rest = name.split("_", 4)
    assert (plugin, kind) == ("assignfeedback", "file")
    return int(participant), rest


def test_moodle_finds_everyones_page(folder, lesson, tmp_path):
    told = []
    grade.grade(folder, tmp_path / "m.csv", columns="moodle", told=told.append)
    with zipfile.ZipFile(tmp_path / "feedback.zip") as packed:
        assert [moodle(name) for name in packed.namelist()] == [(number, "lesson-07.html") for number in (13, 12, 14)]
        assert b"Ben O'Neill, lesson 07" in packed.read(packed.namelist()[0])
    assert any("feedback.zip: 3 of 3 pages" in line for line in told)


def test_a_name_that_moodle_would_misread_is_changed(lesson, tmp_path):
    (tmp_path / "feedback").mkdir()
    of = {"07-double-test": 2.0, "07-why": 3.0, "07-name-test": 1.0}
    one = grades.Grade(Submission("a_b/c", "7", None), "07", of, dict.fromkeys(of, 0.0))
    (tmp_path / "feedback" / page_names([one])[0]).write_text("page")
    grades.write(tmp_path / "grades.csv", grades.table([one], "plain"))
    marks.retell(tmp_path / "grades.csv", tmp_path / "m.csv", columns="moodle")
    assert zipfile.ZipFile(tmp_path / "feedback.zip").namelist() == ["a-b-c_7_assignfeedback_file_lesson-07.html"]


def test_points_by_hand_stand_on_the_page_once(folder, lesson, tmp_path):
    grade.grade(folder, tmp_path / "grades.csv")
    told = []
    for points in ("1", "2,5"):
        fill_in(tmp_path / "grades.csv", "ann", points)
        marks.retell(tmp_path / "grades.csv", tmp_path / "m.csv", columns="moodle", told=told.append)
    pages = {name: (tmp_path / "feedback" / f"{name}-07-{number}.html").read_text()
             for name, number in (("ann", 12), ("cem", 14))}
    assert "Points, those given by a person included: 2.5 of 6" in pages["ann"]
    assert "07-why<td style='padding-left:2em'>2.5 of 3" in pages["ann"] and pages["ann"].count("<!-- marked -->") == 1
    assert "Points so far: 0 of 6" in pages["cem"] and "waits for a person" in pages["cem"]
    assert re.search(r"<body[^>]*><!-- marked -->", pages["ann"])
    assert told[0] == f"3 of 3 pages in {tmp_path / 'feedback'} got these points on top"
    with zipfile.ZipFile(tmp_path / "feedback.zip") as packed:
        assert packed.read("ann_12_assignfeedback_file_lesson-07.html").decode() == pages["ann"]


def test_a_comment_reaches_the_page_and_moodle_and_survives_another_grading(folder, lesson, tmp_path):
    out, said = tmp_path / "grades.csv", "07-why: 1 < 2, see page 3\n07-double: well done"
    grade.grade(folder, out)
    table = rows(out)
    next(row for row in table if row["student"] == "ann")["comment"] = said
    grades.write(out, [list(table[0]), *(list(row.values()) for row in table)])
    told = []
    grade.grade(folder, out, told=told.append)
    assert {row["student"]: row["comment"] for row in rows(out)}["ann"] == said
    assert not list(tmp_path.glob("*before*")), "nothing is lost, so nothing is kept"
    marks.retell(out, tmp_path / "moodle.csv", columns="moodle")
    remark = next(row for row in rows(tmp_path / "moodle.csv") if row["Full name"] == "ann")["Feedback comments"]
    assert "07-why: 1 &lt; 2, see page 3<br>07-double: well done" in remark, "Moodle takes it for HTML"
    page = (tmp_path / "feedback" / "ann-07-12.html").read_text()
    assert "<p>07-why: 1 &lt; 2, see page 3</p><p>07-double: well done</p>" in page


def test_the_comment_of_somebody_who_is_gone_is_kept_beside(lesson, tmp_path):
    def table(comment):
        one = grades.Grade(Submission("ann", "12", None), "07", {"07-why": 3.0}, {"07-why": None}, comment=comment)
        grades.write(tmp_path / "grades.csv", grades.table([one], "plain"))
    table("")
    assert marks.carried([], tmp_path / "grades.csv", "plain") is None, "it says nothing that is lost"
    table("well done")
    assert marks.carried([], tmp_path / "grades.csv", "plain") == tmp_path / "grades.before.csv"


def test_pages_of_people_of_one_name_differ_whatever_the_order():
    def one(student, ident):
        return grades.Grade(Submission(student, ident, None), "07", {}, {})
    class_ = [one("Lee", "1"), one("lee", "2"), one("a b", ""), one("a-b", ""), one("Kim", "3")]
    names = page_names(class_)
    assert len({name.casefold() for name in names}) == 5 and names[4] == "Kim-07-3.html" and names[0] == "Lee-07-1.html"
    assert page_names(class_[::-1]) == names[::-1]


# ---------------------------------------------------------------------- one student again

def test_one_student_again_changes_one_row(folder, lesson, tmp_path, monkeypatch):
    out = tmp_path / "grades.csv"
    grade.grade(folder, out)
    fill_in(out, "ann", "2.5")
    before = rows(out)
    page = (tmp_path / "feedback" / "ann-07-12.html").read_text()
    ran = []
    monkeypatch.setattr(examiner, "run", lambda book, *_: ran.append(book) or sandbox.Run(stopped="it was stopped"))
    for who in ("BEN o'neill", "013"):
        grade.grade(folder, out, students=[who])
    after = rows(out)
    assert len(ran) == 2 and [row["student"] for row in after] == [row["student"] for row in before]
    assert after[0] == before[0] and after[2]["problem"].startswith("it was stopped")
    assert after[1] == before[1] | {"points": "2.5", "by hand": "0"}             # added up, as in any plain table
    assert page == (tmp_path / "feedback" / "ann-07-12.html").read_text()


def test_a_table_that_knows_nothing_of_the_last_grading_is_refused(folder, lesson, tmp_path):
    out = tmp_path / "grades.csv"
    grade.grade(folder, out)
    stale = out.read_bytes()
    grade.grade(folder, out, students=["ann"])
    marks.retell(out, tmp_path / "m.csv", columns="moodle")
    out.write_bytes(stale)
    for again in (lambda: marks.retell(out, tmp_path / "m.csv", columns="moodle"),
                  lambda: grade.grade(folder, out, students=["ann"])):
        with pytest.raises(InputError, match=r"opened before the last grading .* load written\.html again"):
            again()
    assert out.read_bytes() == stale
    out.rename(tmp_path / "elsewhere.csv")
    (tmp_path / "written.html").unlink()
    marks.retell(tmp_path / "elsewhere.csv", tmp_path / "m.csv", columns="moodle")


def test_a_table_of_points_by_exercise_is_kept_when_another_takes_its_name(folder, lesson, tmp_path):
    grade.grade(folder, tmp_path / "grades.csv")
    earlier, told = (tmp_path / "grades.csv").read_bytes(), []
    (tmp_path / "grades (1).csv").write_bytes(earlier)
    for _ in range(2):                                       # the second time Moodle's own is there, made to be remade
        marks.retell(tmp_path / "grades (1).csv", tmp_path / "grades.csv", columns="moodle",
                     told=told.append)
    assert (tmp_path / "grades.before.csv").read_bytes() == earlier and len(list(tmp_path.glob("*before*"))) == 1
    assert any("kept as" in line for line in told)


def test_whoever_is_missing_after_an_interruption_keeps_the_row_and_is_named(folder, lesson, tmp_path, monkeypatch):
    out = tmp_path / "grades.csv"
    grade.grade(folder, out)
    for student, points in (("ann", "2"), ("cem", "1")):
        fill_in(out, student, points)
    ran = []

    def run(*_):
        ran.append(1)
        if len(ran) > 1:
            raise KeyboardInterrupt
        return sandbox.Run()
    monkeypatch.setattr(examiner, "run", run)
    told = []
    with pytest.raises(KeyboardInterrupt):
        grade.grade(folder, out, told=told.append)
    assert {row["student"]: row["07-why"] for row in rows(out)} == {"ann": "2", "Ben O'Neill": "", "cem": "1"}
    assert told[-1] == ("2 of 3 submissions are missing, as the grading was interrupted: ann, cem; "
                        f"{out} has the others, which do not run again: give the same command once more")


def test_names_of_the_missing_are_told_once_and_not_all_of_them():
    told = grade._interrupted([name for name in "abcdefghij" for _ in range(2)], 30, None)
    assert told == ("20 of 30 submissions are missing, as the grading was interrupted: "
                    "a, b, c, d, e, f, g, h and 2 more")


def test_another_grading_beside_it_makes_no_table_unusable(folder, lesson, tmp_path):
    for name in ("a.csv", "b.csv"):
        grade.grade(folder, tmp_path / name)
    marks.retell(tmp_path / "a.csv", tmp_path / "m.csv", columns="moodle")
    (tmp_path / "b (1).csv").write_bytes((tmp_path / "a.csv").read_bytes())     # as a browser names what it saves
    with pytest.raises(InputError, match="or delete the column that begins with 'grading'"):
        marks.retell(tmp_path / "b (1).csv", tmp_path / "m.csv", columns="moodle")


def test_a_plain_table_that_says_something_else_is_kept(folder, lesson, tmp_path):
    out = tmp_path / "grades.csv"
    grade.grade(folder, out)
    (tmp_path / "mine.csv").write_bytes(out.read_bytes())
    marks.retell(tmp_path / "mine.csv", out)
    assert not list(tmp_path.glob("*before*")) and out.read_bytes() == (tmp_path / "mine.csv").read_bytes()
    fill_in(out, "ann", "2")
    marks.retell(tmp_path / "mine.csv", out)
    assert {row["student"]: row["07-why"] for row in rows(tmp_path / "grades.before.csv")}["ann"] == "2"


def test_a_row_of_sums_is_nobody_and_a_wrong_cell_is_told_before_anything_runs(folder, lesson, tmp_path, monkeypatch):
    out = tmp_path / "grades.csv"
    grade.grade(folder, out)
    fill_in(out, "ann", "2")
    out.write_text(out.read_text("utf-8") + ",,,,2,2,0.5,4.5,,,,\n", encoding="utf-8")
    grade.grade(folder, out)
    assert {row["student"]: row["07-why"] for row in rows(out)}["ann"] == "2" and len(rows(out)) == 3
    fill_in(out, "cem", "two")
    monkeypatch.setattr(examiner, "run", lambda *_: 1 / 0)
    with pytest.raises(InputError, match="'two' is no number of points"):
        grade.grade(folder, out)


def test_the_page_is_never_older_than_the_table(folder, lesson, tmp_path, monkeypatch):
    out = tmp_path / "grades.csv"
    grade.grade(folder, out)
    table, page = out.read_bytes(), (tmp_path / "written.html").read_bytes()
    monkeypatch.setattr(grade, "write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        grade.grade(folder, out)
    assert out.read_bytes() == table and (tmp_path / "written.html").read_bytes() != page, "the page comes first"


def test_answers_whose_page_is_gone_are_told(folder, lesson, tmp_path):
    out, told = tmp_path / "grades.csv", []
    grade.grade(folder, out)
    (tmp_path / "written.html").unlink()
    grade.grade(folder, out, students=["ann"], told=told.append)
    assert any(line.startswith("2 more answers wait for points, but are not on written.html") for line in told)


def test_a_page_is_found_by_number_where_a_name_has_lost_letters(folder, lesson, tmp_path):
    out, told = tmp_path / "grades.csv", []
    grade.grade(folder, out)
    out.write_text(out.read_text("utf-8-sig").replace("Ben O'Neill,013", "?en,13"), encoding="utf-8")
    marks.retell(out, tmp_path / "m.csv", columns="moodle", told=told.append)
    assert told[0].startswith("3 of 3 pages") and "?en_13_assignfeedback_file_lesson-07.html" in zipfile.ZipFile(
        tmp_path / "feedback.zip").namelist()


def test_a_folder_in_the_page_s_place_is_told_before_anything_runs(folder, lesson, tmp_path):
    (tmp_path / "written.html").mkdir()
    with pytest.raises(InputError, match=r"written\.html is a folder"):
        grade.grade(folder, tmp_path / "grades.csv")


def test_a_late_answer_is_shown_and_not_given_nothing(lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(examiner, "run", lambda *_: sandbox.Run())
    (tmp_path / "in" / "dan").mkdir(parents=True)
    (tmp_path / "in" / "dan" / "07_small.pdf").touch()
    write(tmp_path / "in", "eve", answered(nbformat.read(release.build(lesson), as_version=4)))
    out = tmp_path / "grades.csv"
    grade.grade(tmp_path / "in", out)
    assert {row["student"]: row["07-why"] for row in rows(out)} == {"dan": "0", "eve": ""}
    fill_in(out, "eve", "1.5")
    shutil.rmtree(tmp_path / "in" / "dan")
    write(tmp_path / "in", "dan", answered(nbformat.read(release.build(lesson), as_version=4)))
    grade.grade(tmp_path / "in", out, students=["dan", "eve"])
    assert {row["student"]: row["07-why"] for row in rows(out)} == {"dan": "", "eve": "1.5"}
    assert (tmp_path / "written.html").read_text().count("<article ") == 2, "a carried judgement is shown once more"


def test_a_student_who_is_new_gets_a_row_at_the_end(folder, lesson, tmp_path):
    out = tmp_path / "grades.csv"
    grade.grade(folder, out, students=["cem"])
    grade.grade(folder, out, students=["ann", "cem"])
    assert [row["student"] for row in rows(out)] == ["cem", "ann"]


@pytest.mark.parametrize(("given", "words"), [
    (dict(students=["anna"]), "nobody called 'anna' handed in anything; did you mean ann"),
    (dict(students=["zoë"]), "nobody called 'zoë' handed in anything; expected a name as the table has it"),
    (dict(students=["ann"], columns="moodle"), "leave out --columns"),
])
def test_wrong_arguments_cost_nothing(given, words, folder, lesson, tmp_path, monkeypatch):
    grade.grade(folder, tmp_path / "grades.csv")
    before = (tmp_path / "grades.csv").read_bytes()
    monkeypatch.setattr(examiner, "run", lambda *_: pytest.fail("it ran"))
    with pytest.raises(InputError, match=words):
        grade.grade(folder, tmp_path / "grades.csv", **given)
    assert (tmp_path / "grades.csv").read_bytes() == before


def test_a_table_of_another_kind_is_told_before_anything_runs(folder, lesson, tmp_path, monkeypatch):
    grade.grade(folder, tmp_path / "grades.csv", columns="moodle")
    monkeypatch.setattr(examiner, "run", lambda *_: pytest.fail("it ran"))
    with pytest.raises(InputError, match="is no table of a grading"):
        grade.grade(folder, tmp_path / "grades.csv", students=["ann"])


def test_a_table_has_no_students_to_run(tmp_path, capsys):
    (tmp_path / "grades.csv").touch()
    assert call("course", "grade", tmp_path / "grades.csv", "--student", "ann") == 2
    assert "name the folder of submissions" in capsys.readouterr().err
