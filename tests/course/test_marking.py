"""The page on which written answers are marked, as text and in a browser."""

import csv
import re
from pathlib import Path

import nbformat
import pytest

from fercourse.course import grades, marking, marks
from fercourse.course.submissions import Submission

pytestmark = pytest.mark.usefixtures("lesson")              # the only one of the course
OF = {"07-double-test": 2.0, "07-why": 3.0, "07-name-test": 1.0}
ANSWERS = {"=José": "Because, \"so\".", "Kim": "</pre><script>alert(1)</script>", "Lee": "By 1 < 2\nand __DATA__."}


def answer(text):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(
        text, metadata={"nbgrader": {"grade_id": "07-why"}})])


@pytest.fixture
def class_():
    """Return the grades of three who wait for points by hand, and of one who does not."""
    waiting = [grades.Grade(Submission(student, str(12 + i), Path("a, b.ipynb")), "07", OF,
                            dict(zip(OF, (2.0, None, 0.5))), book=answer(text))
               for i, (student, text) in enumerate(ANSWERS.items())]
    return [*waiting, grades.Grade(Submission("Zoe", "", None), "07", OF, dict.fromkeys(OF, 0.0), "nothing handed in")]


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that opens a page, as its file, in a browser that keeps nothing else."""
    context = browser.new_context(offline=True, accept_downloads=True)

    def open_(text):
        (tmp_path / "written.html").write_text(text, encoding="utf-8")
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda said: page.complaints.append(said.text))
        page.goto((tmp_path / "written.html").as_uri())
        page.wait_for_selector("body[data-ready]")
        return page
    yield open_
    context.close()


def written(class_, fresh=None, name="marked.csv", **more):
    return marking.written(class_, class_ if fresh is None else fresh, grades.table(class_, "plain"), name,
                           **more)


def saved(page, folder):
    with page.expect_download() as waiting:
        page.click("#save")
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file


def test_what_students_wrote_stays_text_and_the_question_stands_above_it(class_):
    page = written(class_)
    assert page.count("<script") == 2 and "&lt;/pre&gt;&lt;script&gt;" in page and "and __DATA__." in page
    assert page.count("<article ") == 3 and "Zoe" not in page.partition('id="data"')[0]
    assert page.count("<summary>The lesson's own answer") == 1
    assert len(set(re.findall('data-key="(.*?)"', page))) == 3


def test_who_wrote_it_does_not_tell_where_it_stands(class_):
    order = [re.findall(r"who.>: (.*?),", written(some))
             for some in (class_, class_[::-1])]
    assert order[0] == order[1] and sorted(order[0]) == sorted(ANSWERS)


def test_only_the_answers_of_those_graded_again_are_shown_and_the_table_is_whole(class_):
    page = written(class_, class_[1:2])
    assert page.count("<article ") == 1 and "alert" in page and "Because, " not in page
    assert "Jos" in page.partition('id="data"')[2]
    assert "No written answer waits" in written(class_, class_[3:])


def test_points_typed_into_the_page_come_back_in_the_table(class_, opened, tmp_path):
    page = opened(written(class_))
    assert page.inner_text("#told") == "0 of 3 marked" and not page.locator(".who").first.is_visible()
    untouched = saved(page, tmp_path)
    grades.write(tmp_path / "plain.csv", grades.table(class_, "plain"))
    assert untouched.read_bytes() == (tmp_path / "plain.csv").read_bytes(), "what nobody marked is the table as it was"
    page.check("#tick")
    for who, points in (("=José", "2,5"), ("Lee", "0")):
        page.locator("article", has_text=who).locator("input").fill(points)
    assert page.inner_text("#told") == "2 of 3 marked"
    page.locator("article", has_text="Kim").locator("textarea").fill("Say\nwhy, \"please\".")
    found = {one.submission.student: one for one in marks.read(saved(page, tmp_path))}
    assert [found[who].points["07-why"] for who in ("=José", "Kim", "Lee", "Zoe")] == [2.5, None, 0, 0]
    assert found["Kim"].comment == '07-why: Say why, "please".' and not found["=José"].comment
    rows = {row["student"]: row for row in csv.DictReader((tmp_path / "marked.csv").open(encoding="utf-8-sig"))}
    assert [(rows[who]["points"], rows[who]["by hand"]) for who in ("'=José", "Kim")] == [("5", "0"), ("2.5", "3")]
    assert rows["Kim"]["file"] == "a, b.ipynb" and not page.complaints


def test_points_beyond_the_question_are_not_saved_and_those_typed_survive_a_reload(class_, opened):
    page = opened(written(class_))
    boxes = page.locator("article input")
    boxes.nth(0).fill("1,5")
    boxes.nth(0).press("Enter")
    assert boxes.nth(1).evaluate("box => box === document.activeElement")
    boxes.nth(1).fill("4")
    page.click("#save")
    assert page.inner_text("#told") == "1 of 3 marked; 1 out of range"
    assert boxes.nth(1).evaluate("box => box === document.activeElement"), "it leads to the box that is wrong"
    again = opened(written(class_))
    assert [again.locator("article input").nth(i).input_value() for i in range(3)] == ["1,5", "4", ""]
    class_[0].book = answer("Another answer.")
    changed = opened(written(class_))
    of = changed.locator("article", has_text="Another answer.").locator("input")
    assert of.input_value() == "", "another answer begins without points"


def test_a_comment_that_is_in_the_table_stays_unless_it_is_changed_here(class_, opened, tmp_path):
    class_[0].comment, class_[1].comment = "=late\n07-why: one\ntwo\n07-double-test: kept", "07-why: old"
    page = opened(written(class_))
    said = {who: page.locator("article", has_text=text).locator("textarea")
            for who, text in (("=José", "Because"), ("Kim", "alert"))}
    assert [one.input_value() for one in said.values()] == ["one\ntwo", "old"]
    comments = lambda: {one.submission.student: one.comment for one in marks.read(saved(page, tmp_path))}  # noqa: E731
    assert comments() == {one.submission.student: one.comment for one in class_}
    said["=José"].fill("new\nline")
    said["Kim"].fill("")
    assert comments() == dict.fromkeys(("Kim", "Lee", "Zoe"), "") | {
        "=José": "=late\n07-double-test: kept\n07-why: new line"}
    for comment in ("07-why: corrected in the table", ""):           # whoever takes it out does not find it again
        class_[0].comment = comment
        again = opened(written(class_))
        box = again.locator("article", has_text="Because").locator("textarea")
        assert box.input_value() == comment.removeprefix("07-why: ")


def test_points_that_were_carried_over_are_shown_and_can_be_taken_back(class_, opened, tmp_path):
    class_[0].points["07-why"], class_[2].points["07-why"] = 2.0, 1.0
    class_[0].carried, class_[2].carried = {"07-why"}, {"07-why"}
    page = opened(written(class_))
    assert page.inner_text("#told") == "2 of 3 marked"
    boxes = {who: page.locator("article", has_text=text).locator("input")
             for who, text in (("=José", "Because"), ("Lee", "By 1"))}
    assert [box.input_value() for box in boxes.values()] == ["2", "1"]
    boxes["=José"].fill("")
    boxes["Lee"].fill("3")
    rows = {row["student"]: row for row in csv.DictReader(saved(page, tmp_path).open(encoding="utf-8-sig"))}
    assert [(rows[who]["07-why"], rows[who]["points"], rows[who]["by hand"]) for who in ("'=José", "Lee")] == [
        ("", "2.5", "3"), ("3", "5.5", "0")]


def test_answers_of_those_not_graded_again_stay_on_the_page(class_):
    earlier = written(class_, stamp="1")
    class_[1].book = answer("A better answer.")
    page = written(class_[::-1], class_[1:2], stamp="2", earlier=earlier)
    assert page.count("<article ") == 3 and "A better answer." in page and "alert" not in page
    assert page == written(class_[::-1], stamp="2"), "as if all had been graded now"
    assert written(class_[1:], [], earlier=earlier).count("<article ") == 2, "who has no row is gone"


def test_a_picture_within_an_answer_is_not_shown_as_letters(class_):
    class_[0].book = answer(f"![x](data:image/png;base64,{'A' * 3000})")
    assert "data:image/png;base64,…)" in written(class_)


def test_everybody_can_mark(class_, opened):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = opened(written(class_))
    page.locator("article input").nth(1).fill("9")
    page.check("#tick")
    found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa"], "resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_no_script_of_a_student_would_run(class_, opened):
    page = opened(written(class_).replace(
        "<main>", "<main><script>document.title = 'taken'</script><img src=x onerror='document.title = 1'>"))
    assert page.title() == "Written answers" and any("Content Security Policy" in said for said in page.complaints)
