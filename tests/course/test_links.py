"""A fork's lessons open and fetch the fork; nothing else in them changes."""

import shutil
import subprocess

import nbformat
import pytest

from fercourse.course import lint, notebooks
from fercourse.course.links import relink
from fercourse.errors import InputError

FORK = "https://github.com/a-school/emotions.2027"


@pytest.fixture
def checkout(tmp_path):
    """Return a copy of the parts of the course that name its address."""
    for name in ("fercourse/course", "notebooks/student"):
        (tmp_path / name).mkdir(parents=True)
    for path in ("README.md", "fercourse/course/notebooks.py", "notebooks/01_baseline.py",
                 "notebooks/01_baseline.ipynb", "notebooks/student/01_baseline.ipynb"):
        shutil.copy(notebooks.ROOT / path, tmp_path / path)
    return tmp_path


def texts(root):
    return {path: path.read_text("utf-8") for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("branch", ["main", "autumn/2027"])
def test_every_address_is_the_forks(checkout, branch):
    before = texts(checkout)
    outputs = [cell.get("outputs") for cell in nbformat.read(checkout / "notebooks/01_baseline.ipynb", 4).cells]
    changed = relink(FORK + ".git", branch, checkout)
    assert {path.name for path in changed} >= {"notebooks.py", "01_baseline.py", "01_baseline.ipynb"}
    for text in texts(checkout).values():
        assert notebooks.REPOSITORY not in text and "github/OWNER/" not in text
    book = nbformat.read(checkout / "notebooks/01_baseline.ipynb", as_version=4)
    assert f"github/a-school/emotions.2027/blob/{branch}/notebooks/01_baseline.ipynb" in book.cells[0].source
    assert [cell.get("outputs") for cell in book.cells] == outputs
    fetch = next(line for line in book.cells[1].source.splitlines() if '"clone"' in line)
    assert ("--branch" in fetch) == (branch != "main") and (branch in fetch or branch == "main")
    compile(book.cells[1].source, "set-up", "exec")
    student = nbformat.read(checkout / "notebooks/student/01_baseline.ipynb", as_version=4)
    assert f"/blob/{branch}/notebooks/student/01_baseline.ipynb" in student.cells[0].source
    assert relink(FORK, branch, checkout) == []                # nothing is left to do
    relink(notebooks.REPOSITORY, "main", checkout)             # and the way back
    assert texts(checkout) == before


def test_a_forks_lesson_is_still_the_pair_of_its_source(checkout, monkeypatch):
    relink(FORK, "autumn", checkout)
    source = checkout / "notebooks/01_baseline.py"
    book = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert list(lint.pair(notebooks.regenerate(source), book)) == []
    constants = {"__file__": str(checkout / "fercourse/course/notebooks.py"), "__package__": "fercourse.course",
                 "__name__": "fercourse.course.fork"}
    exec((checkout / "fercourse/course/notebooks.py").read_text(), constants)
    assert constants["SETUP"] == book.cells[1].source and constants["badge"](source) in book.cells[0].source


@pytest.mark.parametrize(("repository", "branch", "words"), [
    ("https://gitlab.com/a/b", "main", "no address that Colab opens"),
    ("a/b", "main", "expected https://github.com/YOU/NAME"),
    (FORK, 'x", "--upload-pack=evil', "no name of a branch"),
    (FORK, "a..b", "no name of a branch"),
])
def test_wrong_addresses_are_told(checkout, repository, branch, words):
    before = texts(checkout)
    with pytest.raises(InputError, match=words):
        relink(repository, branch, checkout)
    assert texts(checkout) == before


def test_a_folder_without_lessons_is_told(tmp_path):
    with pytest.raises(InputError, match="holds no lessons"):
        relink(FORK, root=tmp_path)


def test_git_takes_what_the_set_up_cell_says(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("needs git")
    line = notebooks.fetched("https://github.com/a/b", "x")
    words = [word.strip().strip('"') for word in line.rstrip("]").split(",")][:-1]
    assert words == ["--depth", "1", "--branch", "x", "https://github.com/a/b"]
    usage = subprocess.run(["git", "clone", "-h"], capture_output=True, text=True).stdout
    assert all(word in usage for word in words if word.startswith("--"))
