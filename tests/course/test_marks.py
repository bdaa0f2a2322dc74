"""Points given by hand: the plain table, filled in, becomes the table to hand on; no notebook runs again."""

import csv
from pathlib import Path

import pytest

from fercourse.course import grades, marks
from fercourse.course.submissions import Submission
from fercourse.errors import InputError
from tests.line import call

OF = {"07-double-test": 2.0, "07-why": 3.0, "07-name-test": 1.0}


@pytest.fixture
def plain(tmp_path):
    """Return a table of two students, one of whom waits for points by hand."""
    def one(student, ident, *points, problem=""):
        return grades.Grade(Submission(student, ident, None), "07", OF, dict(zip(OF, points)), problem)
    path = tmp_path / "grades.csv"
    class_ = [one("=José", "12", 2.0, None, 1.0), one("Kim", "13", 0, 0, 0, problem="stopped,\nlate")]
    grades.write(path, grades.table(class_, "plain"))
    return path


def changed(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_table_is_read_as_it_was_written(plain, lesson, tmp_path):
    before = plain.read_bytes()
    marks.retell(plain, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == before


def test_points_by_hand_are_added_up(plain, lesson, tmp_path):
    told = []
    changed(plain, "2,,1,3,3,6", "2,2.5,1,3,3,6")
    marks.retell(plain, tmp_path / "m.csv", columns="moodle", told=told.append)
    row = next(csv.DictReader((tmp_path / "m.csv").open(encoding="utf-8")))
    assert (row["Identifier"], row["Grade"], row["Maximum grade"]) == ("Participant 12", "5.5", "6")
    assert "07-why 2.5/3" in row["Feedback comments"] and told[-1] == "0 answers wait for points by hand"
    assert told[0] == f"0 of 2 pages in {tmp_path / 'feedback'} got these points on top"
    assert told[1].startswith(f"no feedback.zip: there are no pages in {tmp_path / 'feedback'}") and len(told) == 3


def test_what_spreadsheets_make_of_a_table_is_read(plain, lesson):
    written = csv.reader(plain.open(encoding="utf-8-sig", newline=""))
    rows = [row[:2] + [row[2].lstrip("0")] + row[3:] for row in written]
    rows[1][5] = "2,5"
    with plain.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    (jose, kim) = marks.read(plain)
    assert jose.submission.student == "=José" and jose.lesson == "07" and jose.total == 5.5 and kim.total == 0


def test_a_mark_that_is_the_name_s_own_stays(lesson, tmp_path):
    class_ = [grades.Grade(Submission(name, "", None), "07", OF, dict.fromkeys(OF, 0.0), comment=said)
              for name, said in (("'t Hooft", "'Why' is answered"), ("=cmd", "-1 for style"))]
    grades.write(tmp_path / "g.csv", grades.table(class_, "plain"))
    assert [(one.submission.student, one.comment) for one in marks.read(tmp_path / "g.csv")] == [
        ("'t Hooft", "'Why' is answered"), ("=cmd", "-1 for style")]


def test_letters_that_a_spreadsheet_loses_lose_nobody(plain, lesson, tmp_path):
    changed(plain, "2,,1,3,3,6", "2,2.5,1,3,3,6")
    changed(plain, "José", "Jos?")
    fresh = [grades.Grade(Submission("=José", "012", None), "07", OF, dict.fromkeys(OF, None))]
    marks.carried(fresh, plain, "plain")
    assert fresh[0].points["07-why"] == 2.5


@pytest.mark.parametrize(("old", "new", "words"), [
    ("2,,1,3,3,6", "2,4,1,3,3,6", "line 2, 07-why: '4' is no number of points; expected 0 to 3"),
    ("2,,1,3,3,6", "2,good,1,3,3,6", "07-why: 'good' is no number"),
    ("Kim,13,07", "Kim,13,08", "there is no lesson '08'; expected one of 07"),
    ("Kim,13,07", "Kim,13,", "there is no lesson ''; expected one of 07"),
    ("2,,1,3,3,6", "2,1,0,1,3,3,6,x,y", "line 2: it has more cells than the head"),
    ("07-why", "Why?", "the table has no column 07-why, which lesson 07 needs"),
    ("Kim,13", "'=José,012", "line 4: a second row of =José for lesson 07, as in line 2"),
    ("Kim,13", ",13", "line 4: the row names no student"),
    ("student,", "who,", "is no table of a grading; expected one written with --columns plain"),
])
def test_what_is_no_table_or_no_points_is_told(plain, lesson, old, new, words):
    changed(plain, old, new)
    with pytest.raises(InputError, match=words):
        marks.read(plain, whole=True)


def test_a_table_that_excel_saved_in_its_own_ways_keeps_names(plain, lesson):
    assert plain.read_bytes().startswith(b"\xef\xbb\xbf")                   # else Excel shows José as JosÃ©
    plain.write_bytes(plain.read_text("utf-8-sig").encode("cp1252"))
    assert marks.read(plain)[0].submission.student == "=José"
    plain.write_bytes(b"PK\x03\x04\x8f")
    with pytest.raises(InputError, match="save it as CSV UTF-8 in Excel"):
        marks.read(plain)


@pytest.mark.parametrize("columns", ["moodle", "canvas"])
def test_rows_without_an_id_are_told(columns, plain, lesson, tmp_path):
    told = []
    changed(plain, "Kim,13,", "Kim,,")
    marks.retell(plain, tmp_path / "m.csv", columns=columns, told=told.append)
    assert told[-2] == f"1 of 2 have no id; {columns.capitalize()} may not match these rows"
    assert not (tmp_path / "m.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_short_and_empty_rows_are_read(plain, lesson):
    with plain.open("a", encoding="utf-8") as file:
        file.write("Lee,14,07,,1\n,,,,\n,\n")
    *_, lee = marks.read(plain)
    assert lee.submission.student == "Lee" and lee.points == {"07-double-test": 1.0, "07-why": None,
                                                              "07-name-test": None}
    with plain.open("a", encoding="utf-8") as file:
        file.write("Mia,15\n")
    with pytest.raises(InputError, match="there is no lesson ''"):
        marks.read(plain)


def test_the_filled_table_is_never_overwritten(plain, lesson, tmp_path, monkeypatch):
    before = plain.read_bytes()
    monkeypatch.chdir(tmp_path)
    for out in (plain, Path("grades.csv")):
        with pytest.raises(InputError, match="would be overwritten; choose another name with --out"):
            marks.retell(plain, out, columns="moodle")
    assert plain.read_bytes() == before


def test_a_lesson_is_chosen_by_any_of_its_names(plain, lesson, tmp_path):
    for name in ("7", "07", "07_small"):
        assert len(marks.retell(plain, tmp_path / "m.csv", lesson=name)) == 2
    for name in ("", "0"):
        with pytest.raises(InputError, match="expected one of 07_small"):
            marks.retell(plain, tmp_path / "m.csv", lesson=name)


def test_the_command_takes_a_table(plain, lesson, tmp_path, capsys):
    assert call("course", "grade", plain, "--out", tmp_path / "c.csv", "--columns", "canvas") == 0
    assert "1 answer waits" in capsys.readouterr().out
    assert (tmp_path / "c.csv").read_text("utf-8").startswith("Student,ID,")


def test_points_of_checked_exercises_that_differ_are_told_by_name_and_kept(plain, lesson):
    """A lecturer wrote 0 over an exercise that code had checked; the next grading earns its points once more."""
    def fresh(double):
        return [grades.Grade(Submission("=José", "12", None), "07", OF, dict(zip(OF, (double, None, 1.0)))),
                grades.Grade(Submission("Kim", "13", None), "07", OF, dict.fromkeys(OF, 0.0))]
    changed(plain, "2,,1,3,3,6", "0,,1,3,3,6")
    told = []
    assert marks.carried(fresh(2.0), plain, "plain", told.append) == plain.with_name("grades.before.csv")
    assert any(line.startswith("=José: 07-double-test had 0 in the earlier table and has 2 now") for line in told)
    assert not any("Kim" in line for line in told)
    changed(plain, "0,,1,3,3,6", "2,,1,3,3,6")
    assert marks.carried(fresh(2.0), plain, "plain", lambda line: pytest.fail(line)) is None


def test_a_changed_sum_is_told_and_a_stale_one_is_not(plain, lesson, tmp_path):
    told = []
    changed(plain, "2,,1,3,3,6", '2,"2,5",1,3,3,6')                         # as a spreadsheet leaves the sum
    marks.retell(plain, tmp_path / "m.csv", told=told.append)
    assert not any("'points'" in line for line in told)
    changed(plain, '2,"2,5",1,3,3,6', '2,"2,5",1,"4,5",3,6')                # a point off for being late
    marks.retell(plain, tmp_path / "m.csv", told=told.append)
    [line] = [line for line in told if "'points'" in line]
    assert "line 2, =José: 'points' is 4,5, but the exercises make 5.5, and that counts; to change" in line
