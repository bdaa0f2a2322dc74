"""Every lesson: its committed notebook is what its source gives, it is sound, and it runs from top to bottom."""

import os
import subprocess
import sys

import pytest

from fercourse.course.lint import problems
from fercourse.course.notebooks import CELL_TIMEOUT, ROOT, regenerate, sources
from fercourse.course.pages import course_problems
from fercourse.course.timing import LEFT, code_of
from tests.conftest import SIDE_BY_SIDE

LESSONS = pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)


def test_there_are_lessons():
    assert [source.stem[:2] for source in sources()][:1] == ["00"]


def test_the_pages_around_the_lessons_agree_with_them():
    assert course_problems({source.stem: regenerate(source) for source in sources()}) == []


@LESSONS
def test_a_lesson_is_in_order(source):
    assert problems(source) == []


@LESSONS
def test_a_lesson_runs_and_its_marked_cells_say_the_same(source):
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-x", "-q",
               f"--nbval-cell-timeout={CELL_TIMEOUT}", "-p", "tests.notebooks.lenient", "-p", "no:cacheprovider",
               str(source.with_suffix(".ipynb"))]
    if SIDE_BY_SIDE == 1:                                    # otherwise a lesson waits for others, and tells no time
        command += [f"--junit-xml={LEFT / source.stem}.xml", "-o", f"junit_suite_name={code_of(source)}"]
    environment = os.environ | {"TQDM_DISABLE": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
