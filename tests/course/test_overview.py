"""What a class found easy and what hard, counted by hand."""

from pathlib import Path

import pytest

from fercourse.course import grades, marks
from fercourse.course.overview import overview
from fercourse.course.submissions import Submission

OF = {"07-double-test": 2.0, "07-why": 3.0}


def one(student, *points, lesson="07", book="read"):
    return grades.Grade(Submission(student, "", None), lesson, OF, dict(zip(OF, points)), book=book)


def test_every_exercise_is_counted():
    told = overview([one("ann", 2, None), one("ben", 2, 1.5), one("cem", 0, 3), one("dan", 0, 0),
                     one("nobody", 0, 0, book=None)]).splitlines()
    assert told[0] == "lesson 07: 4 notebooks, 1 more left out: nothing to read; median 2.5 of 5 points"
    assert [line.split() for line in told[1:]] == [
        ["all", "some", "none", "waits"], ["07-double-test", "2", "0", "2", "0"], ["07-why", "1", "1", "1", "1"]]
    assert len({len(line) for line in told[1:]}) == 1


@pytest.mark.parametrize("class_", [[], [one("ann", 2, 3)], [one("ann", 2, 3), one("nobody", 0, 0, book=None)],
                                    [one("ann", 2, 3), one("ann", 2, 3, lesson="06")]])
def test_one_alone_is_no_class(class_):
    assert overview(class_) == ""


def test_lessons_are_told_one_by_one():
    told = overview([one(who, 2, 3, lesson=lesson) for lesson in ("07", "06") for who in ("ann", "ben")])
    assert [line[:9] for line in told.splitlines() if line.startswith("lesson")] == ["lesson 06", "lesson 07"]


def test_a_table_filled_in_by_hand_is_told_of_as_well(lesson, tmp_path):
    class_ = [one("ann", 0, None), one("ben", 2, 3), one("cem", 0, 0), one("dan", 0, 0), one("eve", 0, 0)]
    class_[2].submission = Submission("cem", "", Path("07_small.ipynb"))
    class_[3].submission, class_[3].problem = Submission("dan", "", Path("x.pdf")), "handed in x.pdf, no notebook"
    for each in class_:
        each.of, each.points = OF | {"07-name-test": 1.0}, each.points | {"07-name-test": 0.0}
    grades.write(tmp_path / "g.csv", grades.table(class_, "plain"))
    told = overview(marks.read(tmp_path / "g.csv"))
    assert told.startswith("lesson 07: 3 notebooks, 2 more left out: nothing to read; median 0 of 6 points")


def test_a_table_that_breaks_off_leaves_the_old_one(tmp_path, monkeypatch):
    def rows():
        yield ["a"]
        raise ValueError

    (tmp_path / "g.csv").write_text("old")
    monkeypatch.setattr(grades, "harmless", lambda rows: rows)
    with pytest.raises(ValueError):
        grades.write(tmp_path / "g.csv", rows())
    assert (tmp_path / "g.csv").read_text() == "old"
