"""What the pages around the lessons lack is said in sentences that tell what to write, and where."""

from pathlib import Path

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from fercourse.course.notebooks import badge, student_badge
from fercourse.course.pages import PICTURE, course_problems, minutes_of

from .test_notebooks import exercise

HEAD = "# 05\n\nAbout two hours with the exercises.\n\n**You will be able to**\n\n- see what\n  is wrong\n- two"
LINKS = f"{PICTURE}({student_badge(Path('05_a.py'))}) | [solved]({badge(Path('05_a.py'))}) |"
PAGES = {"README.md": f"| 05 | [A](notebooks/05_a.ipynb): a | 01; 02 helps | 120 | {LINKS}\n\n## Results\n\n| 06 b |\n",
         "site/index.md": "| 05 A | 01; 02 helps | read |\n",
         "docs/instructors.md": "| 05 | 2 | 3 | 5 |\n\n- see what is\n  wrong\n- two\n"}


def problems(folder, page="", old="", new="", head=HEAD, name="05_a"):
    """Return what is wrong with pages of which one says something else than the lesson does."""
    for path, text in PAGES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text.replace(old, new) if path == page else text, encoding="utf-8")
    cells = exercise(points=2) + exercise(name="05-why", solution=True, points=3)
    return course_problems({name: new_notebook(cells=[new_markdown_cell(head), *cells])}, folder)


def test_pages_that_agree(tmp_path):
    assert problems(tmp_path) == []


@pytest.mark.parametrize(("change", "words"), [
    (("docs/instructors.md", "| 5 |", "| 6 |"), "the points of 05_a; expected the line | 05 | 2 | 3 | 5 |"),
    (("docs/instructors.md", "two", "three"), "tell what 05_a teaches; expected the point: two"),
    (("README.md", "| 120 |", "| 90 |"), f"in README.md has other needs .* end with | 01; 02 helps | 120 | {PICTURE}"),
    (("README.md", "02 helps", "03 helps"), "the row of 05_a in README.md has other needs than site/index.md"),
    (("README.md", "[solved]", "[solution]"), "or other links"),
    (("README.md", "| 05 |", "| 04 |"), "in README.md has no row for 05_a; .* | 05 | [Name](notebooks/05_a.ipynb): "),
    (("site/index.md", "| 05 A", "| 04 A"), "in site/index.md has no row for 05_a; .* | 05 Name | what it needs |"),
])
def test_pages_that_disagree(change, words, tmp_path):
    [told] = problems(tmp_path, *change)
    first, _, second = words.partition(".*")
    assert first in told and second in told


def test_a_capstone_has_minutes_of_its_own(tmp_path):
    head = HEAD.replace("two hours with the exercises", "two hours, and about five more for the capstone")
    assert head != HEAD
    [told] = problems(tmp_path, head=head)
    assert "| 120, and 300 for the capstone |" in told


@pytest.mark.parametrize("head", ["About half a day, and more.", "Half an hour. About two hours, too.", "It is long."])
def test_a_first_cell_without_minutes(head, tmp_path):
    told = problems(tmp_path, head=head)
    assert told == ["the first cell of 05_a does not tell how long the lesson takes; expected a paragraph that begins "
                    "with 'About two hours with the exercises' or with 'About an hour and a half, '"]


def test_a_lesson_that_no_page_knows(tmp_path):
    told = problems(tmp_path, name="06_b")
    assert [words in one for words, one in zip(("points", "README.md has no row", "index.md has no row"), told)] == [
        True, True, True] and len(told) == 3


@pytest.mark.parametrize(("words", "minutes"), [
    ("half an hour", 30), ("an hour", 60), ("an hour and a half", 90), ("two and a half hours", 150),
    ("five hours", 300), ("40 minutes", 40), ("a day", None), ("two", None)])
def test_minutes_are_read_from_words(words, minutes):
    assert minutes_of(words) == minutes
