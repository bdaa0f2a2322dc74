"""From source to notebook: ids that stay, outputs that tell nothing of the machine, and a lint that sees faults."""

import base64
import io

import jupytext
import nbformat
import numpy as np
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from fercourse.course import lint, notebooks
from fercourse.errors import InputError

HEAD = """# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,nbgrader,cellView,-all
#     notebook_metadata_filter: kernelspec,accelerator,colab,-all
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

"""
GRADER = {"schema_version": 3, "grade_id": "05-mask", "grade": False, "solution": True, "locked": False, "task": False}


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "05_small.py"
    path.write_text(HEAD + "# %% [markdown]\n# # Small\n\n# %% tags=[\"nbval-check-output\"]\nprint(6 * 7)\n\n# %%\n7\n"
                    "\n# %%\n7\n", encoding="utf-8")
    return path


def told(found, words):
    found = list(found)
    assert any(words in one for one in found), found


# ---------------------------------------------------------------------- building

def test_ids_follow_the_cells_not_their_places(source):
    before = notebooks.regenerate(source).cells
    source.write_text(source.read_text().replace("# %% [markdown]", "# %%\n'new'\n\n# %% [markdown]", 1))
    after = notebooks.regenerate(source).cells
    assert [cell.id for cell in after[1:]] == [cell.id for cell in before]
    assert before[3].id == before[2].id + "-2" and len({cell.id for cell in after}) == len(after)


def test_graded_cells_are_called_by_their_grade_id():
    cell = new_code_cell("x = 1", metadata={"nbgrader": GRADER})
    assert notebooks.cell_ids([cell]) == ["05-mask"]


def test_a_built_notebook_is_the_same_when_built_again(source):
    notebooks.build(source)
    first = source.with_suffix(".ipynb").read_bytes()
    notebooks.build(source)
    assert source.with_suffix(".ipynb").read_bytes() == first
    book = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert book.cells[1].outputs[0].text == "42\n" and "execution" not in book.cells[1].metadata
    assert book.metadata.language_info == {"name": "python"}
    assert list(lint.pair(notebooks.regenerate(source), book)) == []


def test_new_prose_keeps_outputs_and_new_code_is_refused(source):
    notebooks.build(source)
    source.write_text(source.read_text().replace("# # Small", "# # Tiny"))
    notebooks.reword(source)
    book = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert book.cells[0].source == "# Tiny" and book.cells[1].outputs[0].text == "42\n"
    assert list(lint.pair(notebooks.regenerate(source), book)) == []
    source.write_text(source.read_text().replace("6 * 7", "6 * 8"))
    with pytest.raises(InputError, match="code cell 1 is not the notebook's"):
        notebooks.reword(source)
    assert nbformat.read(source.with_suffix(".ipynb"), as_version=4) == book


def test_a_failing_cell_writes_nothing(source):
    source.write_text(source.read_text() + "\n# %%\n1 / 0\n")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        notebooks.build(source)
    assert list(source.parent.iterdir()) == [source]


def test_the_source_survives_the_round_trip(source):
    text = jupytext.writes(notebooks.regenerate(source), fmt="py:percent")
    assert text.split("# %%", 1)[1] == source.read_text().split("# %%", 1)[1]


def test_outputs_are_cleaned():
    streams = [new_output("stream", name="stdout", text=text) for text in ("a", f"{notebooks.ROOT}/data/x ")]
    widget = new_output("display_data", {notebooks.WIDGET: {}, "text/plain": "interactive(…)"})
    shown = new_output("execute_result", {"text/plain": "<object at 0x7f00aa11bb22>"}, execution_count=1)
    cell = new_code_cell("1", outputs=[streams[0], widget, *streams[1:], shown])
    book = new_notebook(cells=[cell], metadata={"widgets": {}})
    outputs = notebooks.sanitise(book).cells[0].outputs
    assert [one.get("text") for one in outputs] == ["adata/x ", None] and "widgets" not in book.metadata
    assert outputs[1].data["text/plain"] == "<object at 0x…>"


def test_a_picture_is_left_alone_and_one_that_is_damaged_is_told():
    whole = base64.b64encode(drawn()).decode()
    kept = f"<img alt='two faces' src='data:image/png;base64,{whole[:60]}+0xabcdef{whole[60:]}'> at 0x7f00aa11bb22"
    cell = new_code_cell("1", outputs=[new_output("display_data", {"text/html": kept})], execution_count=1)
    [output] = notebooks.sanitise(new_notebook(cells=[cell])).cells[0].outputs
    assert output.data["text/html"] == kept.replace("0x7f00aa11bb22", "0x…"), "letters of a picture are no address"

    def wrong(address):
        page = f'<img alt="two faces" src="{address}">'
        cell = new_code_cell("1", outputs=[new_output("display_data", {"text/html": page})], execution_count=1)
        return list(lint.outputs(new_notebook(cells=[cell])))
    assert wrong(f"data:image/png;base64,{whole}") == []
    for damaged in (whole.replace(whole[60:66], "0x…"), whole[:-40], f"{whole[:80]}AAAA{whole[84:]}"):
        told(wrong(f"data:image/png;base64,{damaged}"), "does not decode")


def test_a_lesson_is_called_by_its_number_with_or_without_its_zero():
    assert notebooks.sources(["2"]) == notebooks.sources(["02"]) == [notebooks.FOLDER / "02_wscfer.py"]


def test_an_unknown_lesson_is_refused():
    with pytest.raises(InputError, match="no lesson '99'"):
        notebooks.sources(["99"])


def test_outside_a_checkout_there_are_no_lessons(monkeypatch, tmp_path):
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path / "notebooks")
    with pytest.raises(InputError, match="notebooks holds no lessons; run this in a checkout of the course"):
        notebooks.sources()


def test_badges_open_their_own_lesson():
    assert notebooks.badge(notebooks.FOLDER / "00_faces.py").endswith("/blob/main/notebooks/00_faces.ipynb")


# ---------------------------------------------------------------------- what the lint sees

def test_a_pair_that_fell_apart(source):
    fresh, book = notebooks.regenerate(source), notebooks.regenerate(source)
    assert list(lint.pair(fresh, book)) == []
    book.cells[1].source = "print(43)"
    told(lint.pair(fresh, book), "source differs")
    book = notebooks.regenerate(source)
    book.cells[1]["id"] = "random"
    told(lint.pair(fresh, book), "id differs")
    book = notebooks.regenerate(source)
    book.cells[1].metadata["tags"] = []
    told(lint.pair(fresh, book), "metadata differs")
    told(lint.pair(fresh, new_notebook(cells=book.cells[:2])), "has 2 cells, its source 4")
    book.metadata["accelerator"] = "GPU"
    told(lint.pair(fresh, book), "metadata differ from its source")


@pytest.mark.parametrize(("output", "words"), [
    (new_output("stream", name="stderr", text="UserWarning: x"), "writes to stderr: UserWarning"),
    (new_output("stream", name="stdout", text="see /" + "home/me/x"), "a path of the machine"),
    (new_output("error", ename="ValueError", evalue="", traceback=[]), "fails with ValueError"),
    (new_output("display_data", {"image/png": "AAAA"}), "without alt text"),
    (new_output("display_data", {"text/html": '<img src="x">'}), "without alt text"),
    (new_output("display_data", {"text/html": '<img alt="" src="x">'}), "without alt text"),
])
def test_outputs_that_must_not_be_stored(output, words):
    cell = new_code_cell("1", execution_count=1, outputs=[output])
    told(lint.outputs(new_notebook(cells=[cell])), words)


def drawn():
    """Return the bytes of a picture of noise."""
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(data, "PNG")
    return data.getvalue()


def test_outputs_that_may_be_stored():
    whole = drawn() + b"\0" * (-len(drawn()) % 3)
    picture = base64.b64encode(whole).decode() + "/" + "home/xx"          # after a picture's end anything may stand
    shown = [new_output("display_data", {"text/html": f'<img alt="a face" src="data:image/png;base64,{picture}">'}),
             new_output("stream", name="stdout", text="data/x and https://doi.org/10.1/work/2")]
    assert list(lint.outputs(new_notebook(cells=[new_code_cell("1", execution_count=1, outputs=shown)]))) == []


def test_marked_cells_without_output_and_cells_not_run():
    marked = new_code_cell("1", execution_count=2, metadata={"tags": ["nbval-check-output"]})
    found = list(lint.outputs(new_notebook(cells=[marked])))
    told(found, "marked nbval-check-output but has no output")
    told(found, "not executed once each")


@pytest.mark.parametrize(("change", "text", "words"), [
    ({"schema_version": 2}, None, "another schema_version"),
    ({"grade_id": "mask"}, None, "does not start with 05-"),
    ({"points": 2}, None, "points above 0"),
    ({"locked": True}, None, "answers are not locked"),
    ({}, "x = 1", "hold ### BEGIN SOLUTION"),
    ({}, "### BEGIN SOLUTION\nx = 1", "### END SOLUTION in pairs; one is missing or mistyped"),
])
def test_exercises_that_cannot_be_graded(change, text, words, source):
    good = "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"
    fine = new_notebook(cells=[new_code_cell(good, metadata={"nbgrader": GRADER})])
    assert not any("05-mask" in one for one in lint.exercises(fine, source))
    cell = new_code_cell(text or good, metadata={"nbgrader": GRADER | change})
    told(lint.exercises(new_notebook(cells=[cell]), source), words)


def test_exercises_that_are_missing_or_twice(source):
    cells = [new_code_cell("1", metadata={"nbgrader": GRADER}) for _ in range(2)]
    found = list(lint.exercises(new_notebook(cells=cells), source))
    told(found, "2 cells have the grade_id '05-mask'")
    told(found, "0 exercises are checked by code and 0 are written")
    del (lacking := dict(GRADER))["task"]
    told(lint.exercises(new_notebook(cells=[new_code_cell("1", metadata={"nbgrader": lacking})]), source), "lack task")


def exercise(heading="### Exercise 1 · mask (8 min, ●○○)", name="05-mask", solution=False, points=1):
    """Return the cells of one exercise: its heading and what is graded."""
    about = GRADER | {"grade_id": name, "grade": True, "solution": solution, "locked": not solution, "points": points}
    return [new_markdown_cell(heading), new_markdown_cell("text"), new_code_cell("1", metadata={"nbgrader": about})]


def test_headings_that_tell_minutes_and_difficulty_are_in_order(source):
    cells = exercise() + exercise("Story.\n\n### Exercise 2 · why (15 min, ●●○, written)\nTell.", "05-why", True)
    assert list(lint._headings(new_notebook(cells=cells))) == []


@pytest.mark.parametrize(("cells", "words"), [
    (exercise("### Exercise 1 · mask (●○○)"), "is not '### Exercise 1 · name"),
    (exercise("### Exercise 1 · mask (0 min, ●○○)"), "is not '### Exercise 1 · name"),
    (exercise("### Exercise 1 · mask (8 min)"), "is not '### Exercise 1 · name"),
    (exercise("### Exercise 1 · mask (8 min, ○●○)"), "is not '### Exercise 1 · name"),
    (exercise("## Exercise 1 · mask (8 min, ●○○)"), "is not '### Exercise 1 · name"),
    (exercise("### Exercise 2 · mask (8 min, ●○○)"), "is the lesson's exercise 1"),
    (exercise() + exercise(), "is the lesson's exercise 2"),
    (exercise("### Something"), "graded without an exercise's heading"),
    (exercise()[:2], "nothing is graded below"),
    (exercise()[:2] + exercise("### Exercise 2 · mask (8 min, ●○○)"), "nothing is graded below"),
    (exercise(solution=True), "written or checked by code, differ"),
    (exercise("### Exercise 1 · mask (8 min, ●○○, written)"), "written or checked by code, differ"),
])
def test_headings_that_are_wrong(cells, words, source):
    told(lint.exercises(new_notebook(cells=cells), source), words)


def test_checkers_that_nobody_calls():
    test = {"nbgrader": GRADER | {"grade_id": "00-x", "grade": True, "solution": False, "locked": True, "points": 1}}
    cell = new_code_cell("fc.check.lesson00.fear(x)\nfc.check.lesson00.joy(x)", metadata=test)
    found = list(lint.exercises(new_notebook(cells=[cell]), notebooks.FOLDER / "00_faces.py"))
    told(found, "lesson00.joy does not exist")
    told(found, "lesson00.majority is never called")
    assert not any("lesson00.fear" in one for one in found)


def test_headings_that_tell_another_effort_than_their_checker():
    about = {"nbgrader": GRADER | {"grade_id": "00-x", "grade": True, "solution": False, "locked": True, "points": 1}}
    cell = new_code_cell("fc.check.lesson00.fear(x)", metadata=about)
    for effort, wrong in (("8 min, ●○○", False), ("9 min, ●○○", True), ("8 min, ●●○", True)):
        book = new_notebook(cells=[new_markdown_cell(f"### Exercise 1 · fear ({effort})"), cell])
        found = lint.exercises(book, notebooks.FOLDER / "00_faces.py")
        assert any("the checker fear takes (8 min, ●○○)" in one for one in found) == wrong


def test_a_story_without_its_end(source):
    aims = "You will be able to\n\n- see what\n  is wrong\n- two\n- three\n\nand more"
    start = new_markdown_cell(f"[![b]({notebooks.badge(source)})]({notebooks.badge(source)})\n\n"
                              f"{notebooks.other_edition(source)}\n\n{aims}")
    recap = new_markdown_cell("You can now\n\n- see what is wrong: here\n- two\n- three\n\n**References**\n\n"
                              "- A paper. https://doi.org/10.1145/2993148.2993165")
    setup = new_code_cell(notebooks.SETUP)
    assert list(lint.story(new_notebook(cells=[start, setup, recap]), source)) == []
    found = list(lint.story(new_notebook(cells=[new_markdown_cell(aims), new_code_cell("1")]), source))
    for words in ("no badge", "course.notebooks.other_edition", "not fercourse.course.notebooks.SETUP",
                  "does not take up: see what is wrong", "no reference with a DOI"):
        told(found, words)


@pytest.mark.parametrize(("text", "missing"), [
    ("nothing", True), ("`fc.fit(model, train, resume=True)`", False), ("fercourse train --resume", False),
])
def test_a_lesson_that_trains_shows_how_to_go_on(text, missing, source):
    book = new_notebook(cells=[new_code_cell("fc.fit(model, train)"), new_markdown_cell(text)])
    assert any("after a disconnect" in one for one in lint.story(book, source)) == missing
    still = new_notebook(cells=[new_code_cell("model(train)"), new_markdown_cell(text)])
    assert not any("after a disconnect" in one for one in lint.story(still, source))


@pytest.mark.parametrize(("code", "missing"), [
    ("1", True), ("by_group(test, told, 'gender')", True), ("fc.evaluate.by_people(test, told)", False),
    ('for column in ("skin_tone", "gender", "age"): by_group(test, told, column)', False),
])
def test_a_lesson_that_trains_tells_whom_it_fails(code, missing, source):
    book = new_notebook(cells=[new_code_cell("fc.fit(model, train)"), new_code_cell(code)])
    assert any("whom the network fails" in one for one in lint.story(book, source)) == missing


@pytest.mark.parametrize(("code", "own"), [
    ("axes.scatter(x, y, color='red')", True), ("axes.imshow(x, cmap=\"jet\")", True), ("plot(x, c=['b', 'r'])", True),
    ("axes.axvline(0, edgecolors='#00ff00')", True), ("wheel = {'happiness': '#ffcc00'}", True),
    ("axes.scatter(x, y, color=fc.plots.COLOURS['fear'], edgecolors='none')", False),
    ("method(c=3, name='red')", False),
])
def test_there_is_one_palette(code, own, source):
    found = lint.story(new_notebook(cells=[new_code_cell(code)]), source)
    assert any("is a colour of its own" in one for one in found) == own


@pytest.mark.parametrize(("text", "words"), [
    ("[x](nowhere.ipynb)", "names a file that is not there"),
    ("[x](#nothing)", "names a heading that is not there"),
    ("[x](http://a.org)", "not encrypted"),
    ("![](05_small.py)", "no alt text"),
    ("https://doi.org/abc", "no proper DOI"),
])
def test_links_that_lead_nowhere(text, words, source):
    told(lint.links(new_notebook(cells=[new_markdown_cell(text)]), source), words)


def test_links_that_lead_somewhere(source):
    text = "# A name\n[a](05_small.py) [b](#A-name) [c](https://x.org) https://doi.org/10.1145/2993148.2993165 `[x](y)`"
    assert list(lint.links(new_notebook(cells=[new_markdown_cell(text)]), source)) == []
