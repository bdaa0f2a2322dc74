"""Real lessons, graded: whoever gives the lesson's own solutions gets all points, whoever hands in stubs gets none."""

import json

import nbformat
import pytest

pytest.importorskip("nbgrader")

from fercourse.course import grade, notebooks, release

LESSONS = [source for source in notebooks.sources() if release.edition(source).is_file()]


def name(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def solved(source):
    """Return the student edition with the lesson's solutions written into it, as a student would."""
    book = nbformat.read(release.edition(source), as_version=4)
    own = {name(cell): cell.source for cell in notebooks.regenerate(source).cells if name(cell)}
    for cell in book.cells:
        if name(cell) and cell.metadata.nbgrader.solution:
            cell.source = "\n".join(line for line in own[name(cell)].splitlines() if "## BEGIN SOL" not in line
                                    and "## END SOL" not in line)
    return book


def short(book):
    """Return a notebook of its imports and graded cells alone: what draws and trains is left out."""
    book.cells = [cell for cell in book.cells if name(cell) or cell.source.startswith(("import ", "from "))]
    return book


def graded(source, folder, **handed_in):
    """Grade notebooks for a lesson; return {student: Grade}."""
    for student, book in handed_in.items():
        (folder / "in" / student).mkdir(parents=True)
        (folder / "in" / student / f"{source.stem}.ipynb").write_text(json.dumps(book), encoding="utf-8")
    grades = {one.submission.student: one for one in grade.grade(folder / "in", folder / "grades.csv", jobs=2)}
    assert all(one.lesson == source.stem[:2] and one.problem == "" for one in grades.values())
    return grades


def all_points(source):
    """Return the points of a lesson's exercises; None where a person marks."""
    about = [cell.metadata.nbgrader for cell in notebooks.regenerate(source).cells if name(cell)]
    return {one.grade_id: None if one.solution else one.points for one in about if one.grade}


@pytest.mark.slow
def test_a_whole_lesson_is_graded(tmp_path):
    first = LESSONS[0]
    stubs = short(nbformat.read(release.edition(first), as_version=4))
    grades = graded(first, tmp_path, solved=solved(first), stubs=stubs)
    assert grades["solved"].points == all_points(first) and grades["solved"].total > 0
    assert set(grades["stubs"].points.values()) == {0}


@pytest.mark.slow
@pytest.mark.parametrize("source", LESSONS[1:], ids=lambda source: source.stem)
def test_the_solutions_of_every_lesson_earn_all_points(source, tmp_path):
    assert graded(source, tmp_path, solved=short(solved(source)))["solved"].points == all_points(source)
