"""The student editions: committed, up to date, and without a word of the solutions."""

import nbformat
import pytest

from fercourse.check import WrongAnswer, lesson00
from fercourse.course import notebooks, release
from fercourse.errors import InputError

SETUP_LINES = "".join(f"{line}\n" for line in notebooks.SETUP.splitlines())
ANSWER = '"grade": false, "locked": false, "schema_version": 3, "solution": true, "task": false'
TEST = '"grade": true, "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false'
WRITTEN = '"grade": true, "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false'


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "01_small.py"
    badge = notebooks.badge(path)
    path.write_text(f"""# %% [markdown]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({badge})
#
# {notebooks.other_edition(path)}
#
# See [faces](00_faces.ipynb), [the data](../data/x.md), [above](#Small) and [there](https://a.org).

# %%
{SETUP_LINES}
# %% nbgrader={{"grade_id": "01-loss", {ANSWER}}}
def loss(logits):
    shift = logits.max()
    ### BEGIN SOLUTION
    shifted = logits - shift
    return shifted.exp().sum().log() + shift
    ### END SOLUTION

# %% nbgrader={{"grade_id": "01-loss-test", {TEST}}}
fc.check.lesson01.cross_entropy(loss)
### BEGIN HIDDEN TESTS
assert loss(secret_input) == 12
### END HIDDEN TESTS

# %% [markdown] nbgrader={{"grade_id": "01-why", {WRITTEN}}}
# Because large logits overflow.
""", encoding="utf-8")
    return path


# ---------------------------------------------------------------------- what is committed

@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda path: path.stem)
def test_the_committed_editions_are_up_to_date_and_give_nothing_away(source):
    assert release.problems(source) == []


def test_there_is_no_edition_without_its_lesson():
    stems = {path.stem for path in notebooks.sources()}
    assert {path.stem for path in (notebooks.FOLDER / "student").glob("*.ipynb")} <= stems


# ---------------------------------------------------------------------- how one is made

@pytest.fixture
def edition(source):
    pytest.importorskip("nbgrader")
    return {notebooks.grade_id(cell) or i: cell for i, cell in enumerate(release.student(source).cells)}


def test_solutions_become_stubs_that_say_what_to_write(edition):
    text = edition["01-loss"].source
    assert text.splitlines()[:2] == ["def loss(logits):", "    shift = logits.max()"]
    assert "    # Write the mean cross-entropy" in text and "fc.check.lesson01.cross_entropy.hint()" in text
    with pytest.raises(NotImplementedError, match="loss is not written yet"):
        exec(text + "\nimport torch\nloss(torch.ones(3))", {})
    assert edition["01-why"].source == release.WRITTEN_STUB
    assert edition["01-loss-test"].source == "fc.check.lesson01.cross_entropy(loss)"


def test_an_answer_that_is_a_value_begins_as_none_so_that_the_rest_runs():
    pytest.importorskip("nbgrader")
    [lesson] = notebooks.sources(["00"])
    [text] = [cell.source for cell in release.student(lesson).cells if notebooks.grade_id(cell) == "00-fear"]
    assert text.startswith("# A pose that reads as fear") and "lesson00.fear.hint()" in text
    found = {}
    exec(text, found)
    assert found["my_fear"] is None
    with pytest.raises(WrongAnswer, match="not written yet"):
        lesson00.fear(None)


def test_links_and_badge_hold_in_the_students_folder(edition, source):
    text = edition[0].source
    assert "/notebooks/student/01_small.ipynb" in text and notebooks.badge(source) not in text
    for link in ("(00_faces.ipynb)", "(../../data/x.md)", "(#Small)", "(https://a.org)"):
        assert link in text


def test_each_edition_says_what_it_is_and_where_the_other_is(edition, source):
    own, other = edition[0].source, notebooks.other_edition(source)
    assert other not in own and "This is the student edition, without solutions and outputs." in own
    assert f"[solved lesson]({notebooks.REPOSITORY}/blob/{notebooks.BRANCH}/notebooks/01_small.ipynb)" in own
    assert "/notebooks/student/01_small.ipynb)" in other and "holds the solutions" in other


def test_the_set_up_cell_works_from_the_students_folder(edition, tmp_path, monkeypatch):
    (tmp_path / "student").mkdir()
    monkeypatch.chdir(tmp_path / "student")
    exec(edition[1].source, {})
    assert notebooks.Path.cwd() == tmp_path


def test_an_edition_is_the_same_when_built_again(source):
    pytest.importorskip("nbgrader")
    path = release.build(source)
    first, time = path.read_bytes(), path.stat().st_mtime_ns
    assert release.build(source) == path and path.read_bytes() == first and path.stat().st_mtime_ns == time
    assert release.problems(source) == []
    book = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") and set(cell.metadata) <= release.KEPT_METADATA for cell in book.cells)
    assert book.cells[2].id == "01-loss"


# ---------------------------------------------------------------------- what the leak test sees

@pytest.mark.parametrize(("where", "text", "words"), [
    (2, "return shifted.exp().sum().log() + shift", "a line of a solution"),
    (2, "# use shifted", "a name that only solutions use: shifted"),
    (3, "assert loss(secret_input) == 12", "a line of a solution"),
    (4, "Because large logits overflow.", "a line of a solution"),
    (2, "### END SOLUTION", "a mark of a solution"),
])
def test_what_leaks_is_seen(where, text, words, source):
    pytest.importorskip("nbgrader")
    book = release.student(source)
    assert release.leaks(source, book) == []
    book.cells[where].source += f"\n{text}"
    assert any(words in one for one in release.leaks(source, book))


def test_outputs_metadata_and_a_wrong_badge_are_seen(source):
    pytest.importorskip("nbgrader")
    book = release.student(source)
    book.cells[2].outputs = [nbformat.v4.new_output("stream", text="7")]
    book.cells[3].metadata["solution"] = "x"
    book.cells[0].source = notebooks.badge(source)
    found = " ".join(release.leaks(source, book))
    assert "outputs" in found and "metadata solution" in found and "the badge" in found


def test_a_stale_edition_names_the_command(source):
    pytest.importorskip("nbgrader")
    assert "run `fercourse course release`" in release.problems(source)[0]
    release.build(source)
    source.write_text(source.read_text() + "\n# %%\n'new'\n")
    assert release.problems(source) == [
        "the student edition 01_small.ipynb is older than its lesson; run `fercourse course release`"]


@pytest.mark.parametrize(("old", "new", "words"), [
    ("### END SOLUTION", "### END SOLUTON", "cell 01-loss must have ### BEGIN SOLUTION .* in pairs"),
    ('"01-why"', '"01-loss"', "2 cells have the grade_id '01-loss'; give each its own"),
    ('"locked": true, "points": 2', '"locked": true', 'cell 01-loss-test is graded and has no points; write'),
    ('"schema_version": 3', '"schema_version": 99', "nbgrader refuses the lesson: "),
], ids=["mark", "name", "points", "other"])
def test_a_lesson_nbgrader_refuses_is_told(old, new, words, source):
    pytest.importorskip("nbgrader")
    source.write_text(source.read_text().replace(old, new))
    with pytest.raises(InputError, match=f"^01_small.py: {words}"):
        release.student(source)


def test_a_solved_lesson_that_is_older_than_its_source_is_told(source):
    pytest.importorskip("nbgrader")
    release.build(source)
    source.with_suffix(".ipynb").write_text(notebooks.text_of(notebooks.regenerate(source)))
    assert release.problems(source) == [] and release.behind(source) == ""
    source.write_text(source.read_text().replace("large logits", "huge logits"))
    release.build(source)
    [line] = release.problems(source)
    assert line.startswith("the solved lesson 01_small.ipynb is older than 01_small.py; run `python -m")
