"""A handout shows what a lesson shows, and nothing of what students are to find."""

import re

import nbformat
import pytest

from fercourse.course import handout, notebooks, release
from fercourse.course.release import secrets
from fercourse.errors import InputError
from tests.line import call

LESSONS = pytest.mark.parametrize("source", notebooks.sources(), ids=lambda source: source.stem)


@LESSONS
def test_a_handout_has_all_figures_and_no_answer(source, tmp_path):
    page = handout.handout(source, tmp_path / "page.html").read_text("utf-8")
    book = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    figures = [picture for cell in book.cells if cell.cell_type == "code" and not cell.metadata.get("nbgrader")
               for output in cell.outputs
               for picture in notebooks.PICTURE.findall(output.get("data", {}).get("text/html", ""))]
    assert len(figures) > 3 and all(picture in page for picture in figures)
    assert all(text in page for text in ("Check yourself", "References", book.cells[0].source.splitlines()[2][2:]))
    plain = {re.sub(r"<[^>]*>", "", line).strip() for line in page.splitlines()}
    assert not secrets(notebooks.regenerate(source))[0] & plain
    assert "One possible answer" not in page and "Right · " not in page
    gone = ("This edition holds the solutions", "Open in Colab", "import fercourse", "plt.subplots")
    assert [text for text in gone if text in page] == [], "no code, and nothing about editions"


def test_alt_texts_stay(tmp_path):
    source = notebooks.sources(["01"])[0]
    page = handout.handout(source, tmp_path / "page.html").read_text("utf-8")
    pictures = re.findall(r"<img[^>]*>", page)
    assert pictures and all(re.search(r'alt="[^"]{8,}"', picture) for picture in pictures)


def test_what_cannot_be_is_told(tmp_path, monkeypatch):
    source = notebooks.sources(["01"])[0]
    with pytest.raises(InputError, match="expected a name ending in"):
        handout.handout(source, tmp_path / "page.pdf")
    monkeypatch.setattr(handout, "_answers", lambda cell: False)
    with pytest.raises(InputError, match="would give a solution away"):
        handout.handout(source, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_a_handout_of_an_old_notebook_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(release, "behind", lambda source: f"{source.name} has changed")
    assert call("course", "handout", "1", "--out", tmp_path / "page.html") == 0
    assert "the page shows what is no more: 01_baseline.py has changed" in capsys.readouterr().err
