"""A term's points: tables of several gradings, a row a student, a column a lesson."""

import csv
import shutil

import pytest

from fercourse.course import grades, totals
from fercourse.course.submissions import Submission
from fercourse.course.totals import total
from fercourse.errors import InputError
from tests.line import call

OF = {"double-test": 2.0, "why": 3.0, "name-test": 1.0}


@pytest.fixture
def lessons(lesson):
    """Return the sources of two small lessons with the same exercises."""
    other = lesson.with_name("08_small.py")
    other.write_text(lesson.read_text("utf-8").replace("07-", "08-"), encoding="utf-8")
    return [lesson, other]


def written(path, lesson, *students):
    """Write the plain table of a grading: (name, id, points of each exercise) a student."""
    of = {f"{lesson}-{name}": most for name, most in OF.items()}
    rows = [grades.Grade(Submission(name, ident, None), lesson, of, dict(zip(of, points)))
            for name, ident, *points in students]
    grades.write(path, grades.table(rows, "plain"))
    return path


@pytest.fixture
def tables(tmp_path):
    return [written(tmp_path / "grades-07.csv", "07", ("Kim", "", 2, 1.5, 1), ("=José", "012", 2, None, 0)),
            written(tmp_path / "grades-08.csv", "08", ("José", "12", 1, 1, 1))]


def test_points_of_a_student_are_added_up_over_tables(tables, lessons, tmp_path):
    told = []
    total(tables, tmp_path / "totals.csv", told.append)
    rows = list(csv.reader((tmp_path / "totals.csv").open(encoding="utf-8-sig", newline="")))
    assert rows == [["student", "id", "07", "08", "points", "by hand", "of"],
                    ["'=José", "012", "2", "3", "5", "3", "12"],
                    ["Kim", "", "4.5", "", "4.5", "0", "12"]]
    assert told == ["one id, so taken for one student: =José, José",
                    "1 answer waits for points by hand, which are not in the sums yet"]


def test_a_table_of_totals_may_be_written_again_and_nothing_else_is_overwritten(tables, lessons, tmp_path):
    for _ in range(2):
        total(tables, tmp_path / "totals.csv")
    before = tables[0].read_bytes()
    shutil.copy(tables[0], tmp_path / "copy.csv")
    for out in (tables[0], tmp_path / "copy.csv", tmp_path):
        with pytest.raises(InputError, match=r"choose another name|is a folder"):
            total(tables, out)
    assert tables[0].read_bytes() == before == (tmp_path / "copy.csv").read_bytes()


def test_two_rows_for_one_lesson_are_refused(tables, lessons, tmp_path):
    again = written(tmp_path / "late.csv", "07", ("Kim", "", 1, 1, 1))
    with pytest.raises(InputError, match=r"Kim has a row for lesson 07 in .*grades-07\.csv and in .*late\.csv"):
        total([*tables, again], tmp_path / "totals.csv")
    assert not (tmp_path / "totals.csv").exists()


def test_another_id_in_each_table_is_joined_by_name(lessons, tmp_path):
    told = []
    of_moodle = [written(tmp_path / "a.csv", "07", ("Ann", "901", 1, 1, 1), ("Ben", "902", 2, 2, 1)),
                 written(tmp_path / "b.csv", "08", ("Ben", "951", 1, 0, 0), ("ann ", "952", 1, 1, 0))]
    rows = total(of_moodle, tmp_path / "totals.csv", told.append)
    assert [row[:5] for row in rows[1:]] == [["Ann", "", "3", "2", "5"], ["Ben", "", "5", "1", "6"]]
    assert told == ["2 students joined by name, with another id in each table, as Moodle gives one for every "
                    "assignment; the column id is empty there"]


def test_namesakes_are_joined_by_id_alone(lessons, tmp_path):
    told = []
    both = [written(tmp_path / "a.csv", "07", ("Kim", "1", 1, 1, 1), ("Kim", "2", 2, 2, 1)),
            written(tmp_path / "b.csv", "08", ("Kim", "2", 1, 0, 0), ("Kim", "", 0, 0, 1))]
    rows = total(both, tmp_path / "totals.csv", told.append)
    assert sorted(row[1:5] for row in rows[1:]) == [["", "", "1", "1"], ["1", "3", "", "3"], ["2", "5", "1", "6"]]
    assert told == ["a name of several students, whom only their ids tell apart: kim"]


def test_totals_of_a_spreadsheet_may_be_written_again(tables, lessons, tmp_path):
    out = tmp_path / "totals.csv"
    total(tables, out)
    out.write_text(out.read_text("utf-8-sig").replace(",", ";"), encoding="utf-8-sig")
    total(tables, out)


def test_a_stale_table_is_refused(tables, lessons, tmp_path, monkeypatch):
    monkeypatch.setattr(totals, "current", lambda filled: (_ for _ in ()).throw(InputError("stale")))
    with pytest.raises(InputError, match="stale"):
        total(tables, tmp_path / "totals.csv")


def test_tables_without_rows_are_refused(lessons, tmp_path):
    path = written(tmp_path / "a.csv", "07", ("Ann", "1", 1, 1, 1))
    path.write_text(path.read_text("utf-8-sig").splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="no submission"):
        total([tmp_path / "a.csv"], tmp_path / "totals.csv")


def test_a_table_that_is_none_is_refused_in_one_sentence(tmp_path, capsys):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert call("course", "totals", tmp_path / "x.csv", "--out", tmp_path / "totals.csv") == 2
    assert "no table of a grading" in capsys.readouterr().err
