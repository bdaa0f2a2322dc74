"""A number in prose is one that a cell shows, that stands in the code, or that the lesson reads from its results."""

import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fercourse.course import lint, notebooks
from fercourse.course.numbers import unbacked


def found(prose, tmp_path, source="09_small.py"):
    """Return what is told of a lesson with this prose, a cell that shows numbers, and a file of results."""
    (tmp_path / "study.json").write_text(json.dumps({"runs": [{"accuracy": 0.61449, "on": True}, {"gain": -0.0321}]}))
    (tmp_path / "other.json").write_text("[0.777]")
    code = new_code_cell('faces = load(1_500)\nread("../results/study.json")', outputs=[
        new_output("stream", text="loss 0.298\n"), new_output("display_data", {"text/html": "<td>72.36</td>"}),
        new_output("display_data", {"text/html": '<img alt="x" src="data:image/png;base64,iVBOR/42+42==">'})])
    book = new_notebook(cells=[new_markdown_cell(prose), code])
    return list(unbacked(book, tmp_path / source, tmp_path))


@pytest.mark.parametrize("prose", [
    "The loss is 0.30, and 29.8 % or 30 % of it is noise.",
    "On 1,500 faces 61.4 % are right, 3.2 points less; by the table, 72.4.",
    "Three of 7 faces, in lesson 02, by formula (9.1), `0.55`, $t = 0.55$, [x](x.md#0.55).",
    "Nothing.\n\n**References**\n\n- Somebody 2020. https://doi.org/10.1109/99.123",
])
def test_numbers_that_are_somewhere(prose, tmp_path):
    assert found(prose, tmp_path) == []


@pytest.mark.parametrize(("prose", "number"), [
    ("The loss is 0.31.", "0.31"),
    ("It is 61.5 % right.", "61.5 %"),
    ("Of 1,600 faces", "1,600"),
    ("about 42 % of them, as no cell but a picture says", "42 %"),
    ("in results nobody reads: 77.7 %", "77.7 %"),
    ("it goes on\nin the next line: 42\n% of them", "42 %"),
])
def test_numbers_from_nowhere(prose, number, tmp_path):
    assert [one.split(" stands")[0] for one in found(prose, tmp_path)] == [f"the number {number}"]


def test_given_numbers_are_given_to_one_lesson_only(tmp_path):
    assert not found("of 12,288 pixel values", tmp_path, "00_small.py") and found("of 12,288", tmp_path)


def test_the_lint_looks_at_them(monkeypatch):
    monkeypatch.setattr(lint, "unbacked", lambda book, source: ["a number from nowhere"])
    assert lint.problems(notebooks.sources(["00"])[0]) == ["a number from nowhere"]
