"""A fork's lessons open and fetch the fork; nothing else in them changes."""

import shutil
import subprocess

import nbformat
import pytest

from fercourse.course import links, lint, notebooks
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


def test_what_failed_half_way_is_finished_by_the_same_call(checkout, monkeypatch):
    real = links.write_text
    shutil.copytree(checkout, checkout / "other")
    relink(FORK, "autumn", checkout / "other")
    whole = {path.relative_to(checkout / "other"): text for path, text in texts(checkout / "other").items()}
    shutil.rmtree(checkout / "other")

    def full(path, text):
        if path.suffix == ".ipynb":
            raise InputError("the disk is full")
        return real(path, text)
    monkeypatch.setattr(links, "write_text", full)
    with pytest.raises(InputError, match="disk is full"):
        relink(FORK, "autumn", checkout)
    monkeypatch.setattr(links, "write_text", real)
    relink(FORK, "autumn", checkout)
    assert {path.relative_to(checkout): text for path, text in texts(checkout).items()} == whole


def test_a_place_that_takes_no_files_is_told_before_anything_changes(checkout, monkeypatch):
    before = texts(checkout)
    real = links.Path.touch

    def refusing(path, *args, **kwargs):
        if path.parent.name == "student":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)
    monkeypatch.setattr(links.Path, "touch", refusing)
    with pytest.raises(InputError, match=r"01_baseline\.ipynb cannot be written"):
        relink(FORK, root=checkout)
    assert texts(checkout) == before


def test_a_forks_name_may_begin_with_the_old_one():
    old, new = ("https://github.com/a/b", "main"), ("https://github.com/a/b.c", "main")
    once = links.replaced("see https://github.com/a/b. Or https://github.com/a/b.git", old, new)
    assert once == "see https://github.com/a/b.c. Or https://github.com/a/b.c.git"
    assert links.replaced(once, old, new) == once


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
    words = [word.strip().strip('"') for word in line.split(",")]
    assert words == ["--depth", "1", "--branch", "x", "https://github.com/a/b"]
    usage = subprocess.run(["git", "clone", "-h"], capture_output=True, text=True).stdout
    assert all(word in usage for word in words if word.startswith("--"))
