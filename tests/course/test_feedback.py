"""What a student's page shows beside the points."""

import nbformat
import pytest

pytest.importorskip("nbgrader")

from fercourse.course import examiner, grade, grades, release, sandbox, stripped, submissions
from fercourse.course.feedback import feedback

from .test_grade import answered, cell, write


def test_the_page_shows_what_the_student_saw_where_it_is_another(lesson, tmp_path, monkeypatch):
    """A student with a GPU quotes other numbers than our run gives; what was handed in is text, and folded."""
    (tmp_path / "in").mkdir()
    book = answered(nbformat.read(release.build(lesson), as_version=4))
    shown = [{"output_type": "stream", "name": "stdout", "text": ["accuracy 0.87\n", "<b>&\ud83d" + "y" * 9000]},
             {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "<Figure>", "text/html": "<img>"}},
             {"output_type": "stream", "name": "stderr", "text": "slow"}, {"output_type": "error", "ename": "E"}, 3]
    for source, outputs in (("1", shown[:3]), ("print('the same')", [shown[0] | {"text": "the same\n"}])):
        book.cells.append(nbformat.v4.new_code_cell(source))
        book.cells[-1]["outputs"] = outputs
    cell(book, "07-double")["outputs"] = [shown[0] | {"text": "of an answer"}]
    write(tmp_path / "in", "ann", book)
    last = len(book.cells) - 1
    same = nbformat.v4.new_output("stream", text="the same\n")
    monkeypatch.setattr(examiner, "run", lambda *_: sandbox.Run({last: [same], last - 1: []}))
    grade.grade(tmp_path / "in", tmp_path / "g.csv")
    page = (tmp_path / "feedback" / "ann-07.html").read_text()
    assert page.count("What this cell showed in the file") == 2 and "<pre>of an answer</pre>" in page
    assert "<pre>accuracy 0.87\n&lt;b&gt;&amp;\ufffd" in page and "[cut off here]" in page and "slow" not in page
    assert stripped.seen(shown[2:]) == stripped.seen("x") == ""


def test_exercises_are_listed_by_their_names():
    cells = [nbformat.v4.new_markdown_cell("### Exercise 2 · recall, (by hand) (10 min, ●○○)\nSay."),
             nbformat.v4.new_markdown_cell("### my notes"),
             nbformat.v4.new_code_cell("1", metadata={"nbgrader": {
                 "grade_id": "07-a", "grade": True, "solution": False, "points": 2, "locked": True,
                 "schema_version": 3}})]
    one = grades.Grade(submissions.Submission("ann", "", None), "07", {"07-a": 2.0}, {"07-a": 0.5},
                       book=nbformat.v4.new_notebook(cells=cells))
    assert '<a href="#07-a">Exercise 2 · recall, (by hand)</a>: 0.5 of 2</li>' in feedback(one)


def test_formulas_are_drawn_without_scripts_and_slips_shown_as_they_were_written():
    text = "Take $\\tau > 0$, `$x$` and\n$$\\frac{1}{\\tau}$$\nor $x^$."
    one = grades.Grade(submissions.Submission("ann", "", None), "07", {}, {},
                       book=nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)]))
    page = feedback(one)
    assert '<mo>&gt;</mo>' in page and "<mfrac>" in page and 'display="block"' in page
    assert "<code>$x$</code>" in page and "$x^$" in page and page.count("<math") == 2
