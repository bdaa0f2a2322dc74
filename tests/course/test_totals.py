"""A term's points: tables of several gradings, a row a student, a column a lesson."""

import csv
import shutil

import pytest

from fercourse.cli import main
from fercourse.course import grades
from fercourse.course.submissions import Submission
from fercourse.course.totals import total
from fercourse.errors import InputError

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
    total(tables, tmp_path / "totals.csv", lessons, told.append)
    rows = list(csv.reader((tmp_path / "totals.csv").open(encoding="utf-8-sig", newline="")))
    assert rows == [["student", "id", "07", "08", "points", "by hand", "of"],
                    ["'=José", "012", "2", "3", "5", "3", "12"],
                    ["Kim", "", "4.5", "", "4.5", "0", "12"]]
    assert told == ["1 answer waits for points by hand, which are not in the sums yet"]


def test_a_table_of_totals_may_be_written_again_and_nothing_else_is_overwritten(tables, lessons, tmp_path):
    for _ in range(2):
        total(tables, tmp_path / "totals.csv", lessons)
    before = tables[0].read_bytes()
    shutil.copy(tables[0], tmp_path / "copy.csv")
    for out in (tables[0], tmp_path / "copy.csv", tmp_path):
        with pytest.raises(InputError, match=r"choose another name|is a folder"):
            total(tables, out, lessons)
    assert tables[0].read_bytes() == before == (tmp_path / "copy.csv").read_bytes()


def test_two_rows_for_one_lesson_are_refused(tables, lessons, tmp_path):
    again = written(tmp_path / "late.csv", "07", ("Kim", "", 1, 1, 1))
    with pytest.raises(InputError, match=r"Kim has a row for lesson 07 in .*grades-07\.csv and in .*late\.csv"):
        total([*tables, again], tmp_path / "totals.csv", lessons)
    assert not (tmp_path / "totals.csv").exists()


def test_one_name_in_two_rows_is_told(tables, lessons, tmp_path):
    told, other = [], written(tmp_path / "b.csv", "08", ("kim", "7", 1, 1, 1))
    total([tables[0], other], tmp_path / "totals.csv", lessons, told.append)
    assert told[0].startswith("Kim: the same name with another id") and "two rows" in told[0]


def test_a_table_that_is_none_is_refused_in_one_sentence(tmp_path, capsys):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        main(["course", "totals", str(tmp_path / "x.csv"), "--out", str(tmp_path / "totals.csv")])
    assert "no table of a grading" in capsys.readouterr().err
