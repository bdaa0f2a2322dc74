"""The page on how long lessons run: read from the last test run, and honest where there was none."""

import re
import subprocess

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fercourse.course import timing
from fercourse.course.notebooks import sources
from fercourse.errors import InputError

MADE = {"system": "Linux", "processor": "x86_64", "cores": 2, "gpu": None, "threads": "1", "python": "3.12.3",
        "torch": "2.6.0"}
CODE = "0123abcd"
LESSONS = {"00_faces": CODE, "01_baseline": CODE}


def left(folder, name, time=90.0, tests=2, errors=0, failures=0, code=CODE):
    """Write a JUnit file as nbval leaves it."""
    (folder / f"{name}.xml").write_text(
        f'<?xml version="1.0"?><testsuites><testsuite name="{code}" errors="{errors}" failures="{failures}" '
        f'skipped="0" tests="{tests}" time="{time}" timestamp="2026-01-02T08:03:46" hostname="secret"/>'
        '</testsuites>')


def test_without_a_run_the_page_stays(tmp_path):
    out = tmp_path / "timing.md"
    out.write_text("as it was")
    with pytest.raises(InputError, match=r"nothing was timed: .* run python -m pytest .*, without -n"):
        timing.main(tmp_path, out)
    assert out.read_text() == "as it was"


@pytest.mark.parametrize(("changes", "lessons", "told"), [
    ({}, LESSONS, "| 00_faces | 1.5, 2026-01-02 |"), ({}, LESSONS | {"00_faces": "4567abcd"}, "not yet recorded"),
    ({"cores": 64}, LESSONS, "not yet recorded")])
def test_a_lesson_that_was_not_run_again_keeps_its_time_of_this_code_and_machine(tmp_path, changes, lessons, told):
    left(tmp_path, "00_faces", 90)
    before = timing.page(tmp_path, LESSONS, MADE)
    (tmp_path / "00_faces.xml").unlink()
    left(tmp_path, "01_baseline", 180)
    text = timing.page(tmp_path, lessons, MADE | changes, before)
    assert told in text and (f"<!-- code: 00_faces {CODE}, 01_baseline {CODE} -->" in text) == ("1.5" in told)
    assert ("| 2 of 2, one after another | 4.5 |" in text) == ("1.5" in told)


def test_minutes_are_those_of_the_run(tmp_path):
    left(tmp_path, "00_faces", 90)
    left(tmp_path, "01_baseline", 183)
    text = timing.page(tmp_path, LESSONS, MADE)
    assert "| 00_faces | 1.5, 2026-01-02 |" in text and "| 01_baseline | 3.0, 2026-01-02 |" in text
    assert "| 2 of 2, one after another | 4.5 |" in text
    for fact in ("2 x86_64 cores, 1 thread(s)", "Linux", "Python 3.12.3", "PyTorch 2.6.0", "Ran 2026-01-02 on",
                 f"<!-- code: 00_faces {CODE}, 01_baseline {CODE} -->"):
        assert fact in text
    assert "secret" not in text


def test_a_lesson_that_was_not_run_says_so(tmp_path):
    left(tmp_path, "01_baseline")
    text = timing.page(tmp_path, LESSONS, MADE)
    assert f"<!-- code: 01_baseline {CODE} -->" in text and "| 00_faces | not yet recorded |" in text
    assert "| 1 of 2, one after another | 1.5 |" in text


@pytest.mark.parametrize("wrong", [{"errors": 1}, {"failures": 1}, {"tests": 0}])
def test_a_run_that_was_cut_off_tells_no_time(tmp_path, wrong):
    left(tmp_path, "00_faces", **wrong)
    with pytest.raises(InputError, match="tells no time"):
        timing.page(tmp_path, LESSONS, MADE)


def test_a_run_of_other_code_tells_no_time(tmp_path):
    left(tmp_path, "00_faces", code="4567abcd")
    with pytest.raises(InputError, match=f"timed code 4567abcd, expected {CODE}, .* now; run python -m pytest"):
        timing.page(tmp_path, LESSONS, MADE)


@pytest.mark.parametrize("text", ["", "<x/>", "<testsuites><testsuite/></testsuites>"])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "00_faces.xml").write_text(text)
    with pytest.raises(InputError, match="no JUnit file"):
        timing.page(tmp_path, LESSONS, MADE)


def test_the_command_writes_the_page(tmp_path, capsys):
    left(tmp_path, "00_faces", code=timing.code_of(sources(["00"])[0]))
    timing.main(tmp_path, tmp_path / "timing.md")
    assert "| 00_faces | 1.5" in (tmp_path / "timing.md").read_text() and "PyTorch" in capsys.readouterr().out
    assert {"torch", "python", "threads", "gpu"} <= timing.this_machine().keys()


def test_the_committed_page_tells_of_every_lesson_and_keeps_the_promise():
    minutes = dict(re.findall(r"^\| (\d\d_\w+) \| ([\d.]+), ", timing.PAGE.read_text("utf-8"), re.MULTILINE))
    assert list(minutes) == [source.stem for source in sources()]
    assert max(map(float, minutes.values())) <= 4 and sum(map(float, minutes.values())) <= 30


def test_the_committed_page_timed_the_code_that_the_lessons_have():
    timed = dict(re.findall(r"\b(\d\d_\w+) ([0-9a-f]{8})\b", timing.PAGE.read_text("utf-8")))
    stale = [source.stem for source in sources() if timed.get(source.stem) != timing.code_of(source)]
    assert not stale, f"docs/timing.md is not of the code that {', '.join(stale)} have now; {timing.ANEW}"


BEFORE = """
# Faces
names = ["fear", "joy"]
draw(f"A face of {names[0]}, {share:.1f} % sure", epochs=12)
"""


@pytest.fixture
def code(tmp_path):
    """Return a function from the text of a lesson's only cell, after the set-up, to the digits of its code."""
    def digits(text, setup="import os"):
        book = new_notebook(cells=[new_code_cell(setup), new_markdown_cell("Prose."), new_code_cell(text)])
        nbformat.write(book, tmp_path / "09_small.ipynb")
        return timing.code_of(tmp_path / "09_small.py")
    return digits


@pytest.mark.parametrize(("old", "new"), [
    ("# Faces", "# Many faces\n"), ("A face", "One face"), (" % sure", ""), (".1f", ".2f"), ("\"joy\"", "'happiness'"),
    ("draw(f", "draw(\n  f"), ("12)", "12,)"),
])
def test_other_words_and_another_layout_are_the_same_code(code, old, new):
    assert code(BEFORE.replace(old, new)) == code(BEFORE) == code(BEFORE, "import sys")


@pytest.mark.parametrize(("old", "new"), [
    ("12", "13"), ("names[0]", "names[1]"), ("\"fear\", ", ""), ("draw", "show"), ("epochs", "steps"),
    ("= [", "= 2 * ["), ("12)", "None)"),
])
def test_what_computes_something_else_is_other_code(code, old, new):
    assert code(BEFORE.replace(old, new)) != code(BEFORE)


def test_the_digits_are_the_same_in_every_python(code):
    assert code("""
class Net(Base):
    "Text."
    def forward(self, x: int, *rest, **named) -> None:
        try:
            a[1:, -1], b = [lambda i=2.5: i for j in (*rest,) if j], {**named, 1e-3: 3j}
        except (KeyError, OSError) as error:
            raise ValueError(f"{x=} of {x!r:>{a}.1f}" "text") from error
with open(b"text") as file, held:
    while (line := file.read()) and not ...: global_ += line if line else None
""") == "18f4a54a"


def test_git_ignores_what_the_tests_leave():
    if not (timing.ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    assert subprocess.run(["git", "check-ignore", "-q", timing.LEFT / "00_faces.xml"], cwd=timing.ROOT).returncode == 0
