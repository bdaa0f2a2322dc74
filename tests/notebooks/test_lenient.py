"""What a marked cell may print without being called different, and what it may not."""

import subprocess
import sys

import nbformat
import pytest

from fercourse.course.notebooks import ROOT

SAID = "anger   a +0.7, of 12 faces"


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Return whether nbval lets each text pass where `SAID` stands in the notebook."""
    place = tmp_path_factory.mktemp("lenient")
    texts = [SAID, SAID.replace("0.7", "0.8"), SAID.replace("0.7", "0.9"), SAID.replace("0.7", "0.70"),
             SAID.replace("12", "13"), SAID.replace("anger", "fears")]
    stream = nbformat.v4.new_output("stream", text=SAID + "\n")
    shown = nbformat.v4.new_output("execute_result", {"text/plain": "0.25"}, execution_count=1)
    told = [(f"print({text!r})", stream) for text in texts] + [(value, shown) for value in ("0.26", "0.27")]
    cells = [nbformat.v4.new_code_cell(code, outputs=[output], execution_count=1,
                                       metadata={"tags": ["nbval-check-output"]}) for code, output in told]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), place / "said.ipynb")
    run = subprocess.run([sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-v", "--color=no",
                          "-p", "tests.notebooks.lenient", "-p", "no:cacheprovider", "--rootdir", str(place),
                          str(place / "said.ipynb")], cwd=ROOT, capture_output=True, text=True)
    return [f"::Cell {number} PASSED" in run.stdout for number in range(len(cells))]


def test_one_in_the_last_place_of_a_fraction_is_forgiven_and_nothing_else(verdicts):
    assert verdicts == [True, True, False, False, False, False, True, False]
