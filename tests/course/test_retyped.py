"""Right answers in cells of their own count, wherever the lesson's cells went."""

import nbformat
import pytest

pytest.importorskip("nbgrader")

from fercourse.course import release, stripped
from fercourse.course.notebooks import grade_id, regenerate
from fercourse.course.restored import merged
from fercourse.course.retyped import LINK, regained

from .test_grade import ALSO, RIGHT, answered, cell

NAMES = ["07-double", "07-double-test", "07-why", "07-name", "07-name-test"]
LETTER = "A letter of my own."


@pytest.fixture
def released(lesson):
    return release.locked(regenerate(lesson))


@pytest.fixture
def student(lesson):
    """Return the student edition as it is read when handed in: answers and names, no other metadata."""
    def handed_in(**answers):
        book = answered(release.student(lesson), **answers)
        return nbformat.v4.new_notebook(cells=[stripped.plain(one) for one in book.cells])
    return handed_in


def own(text):
    return nbformat.v4.new_code_cell(text)


def ready(book, released):
    """Return {name: text} of the lesson's cells in the notebook that would run, in its order, and what is missing."""
    book, missing = regained(book, released)
    whole = merged(book, released)
    return whole, {grade_id(one): one.source for one in whole.cells if grade_id(one) in NAMES}, missing


def retyped(book):
    book.cells[book.cells.index(cell(book, "07-double"))] = own(RIGHT)


def above(book):
    book.cells.insert(0, own(RIGHT))
    cell(book, "07-double").source = STUB


def below(book):
    book.cells.append(own(f"%time\n{RIGHT}"))
    cell(book, "07-double").source = STUB


def nameless(book):
    for one in book.cells:
        one.metadata = nbformat.from_dict({})
        one.source = one.source.replace("Why does it double?", "Why does it double?\nIn older words.")


def renamed(book):
    book.cells[book.cells.index(cell(book, "07-name"))] = own("first = 'x'\n" + ALSO)


STUB = "def double(x):\n    raise NotImplementedError(\"write this: the task is told above\")"


@pytest.mark.parametrize("change", [retyped, above, below, nameless, renamed])
def test_a_right_answer_in_a_cell_of_its_own_counts(change, student, released):
    book = student()
    change(book)
    whole, found, missing = ready(book, released)
    assert RIGHT in found["07-double"] and ALSO in found["07-name"] and found["07-why"] == "Adding is doubling."
    names = [grade_id(one) for one in whole.cells]
    assert names.index("07-double") < names.index("07-double-test") and names.index("07-name") < len(names) - 1
    assert not missing and not any("NotImplemented" in one.source for one in whole.cells)


def test_a_stub_is_never_put_over_what_stands_elsewhere(student, released):
    book = student()
    book.cells[book.cells.index(cell(book, "07-double"))] = own(f"exec({RIGHT!r})")
    _, found, missing = ready(book, released)
    assert missing == ["07-double"] and found["07-double"] == ""
    assert list(found).index("07-double") == list(found).index("07-double-test") - 1


def test_untouched_stubs_stay(student, released):
    _, found, missing = ready(student(double=None, name=None, why=None), released)
    assert not missing and found["07-double"] == STUB and found["07-why"] == release.WRITTEN_STUB


def test_an_answer_that_counts_is_not_replaced_by_a_trial(student, released):
    book = student()
    book.cells.append(own("def double(x):\n    return 0"))
    assert ready(book, released)[1]["07-double"] == RIGHT


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("stub", [True, False])
def test_a_letter_beside_its_stub_is_read(place, stub, student, released):
    book = student(why=None)
    at = book.cells.index(cell(book, "07-why"))
    book.cells[at + place:at + place] = [nbformat.v4.new_markdown_cell(text) for text in (LETTER, "Yours")]
    if not stub:
        book.cells.remove(cell(book, "07-why"))
    whole, found, missing = ready(book, released)
    assert found["07-why"] == f"{LETTER}\n\nYours" and not missing
    assert sum(LETTER in one.source for one in whole.cells) == 1


def test_no_part_of_a_text_is_looked_at_twice():
    """A link ends at its line, a region at the next one: text without an end would take hours otherwise."""
    assert LINK.sub("]()", "](" * 3 + "x) [a](b)") == "](](]() [a]()"
    line = "### BEGIN SOLUTION\n"
    [found] = release.REGION.finditer(f"{line}x\n{line}y\n    z\n### END SOLUTION\n")
    assert found[2] == "y\n    z\n"


def test_cells_in_a_wrong_order_come_back_into_theirs(lesson):
    released = release.locked(regenerate(lesson))
    book = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell(f"{name} = 1", metadata={"nbgrader": {"grade_id": name}})
        for name in ("07-name-test", "07-double-test", "07-name", "07-unknown", "07-double")])
    whole = merged(book, released)
    names = [one.metadata.get("nbgrader", {}).get("grade_id") for one in whole.cells]
    assert names.index("07-double") < names.index("07-double-test") and None in names
    assert names.index("07-name") < names.index("07-name-test") and "07-why" in names
    assert "startswith" in cell(whole, "07-name-test").source and "HIDDEN" in cell(whole, "07-double-test").source
