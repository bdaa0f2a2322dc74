"""Run a lesson's cells on a GPU that is only pretended, at a small part of its scale: `python -m … LESSON.ipynb`."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.pretend import pretended

FACES, EPOCHS = 400, 6                                       # lesson 03 looks back at the losses after four epochs
SCALE = re.compile(r'else \((?P<size>\d+), (?P<faces>\d+), (?P<epochs>\d+)(?P<rest>[^)]*)\)')
OWN = re.compile(r'else dict\(faces=\d+')                    # lesson 07, a method of one's own


def smaller(code: str) -> str:
    """Return a cell that asks a GPU for less, if it asks for anything."""
    code = SCALE.sub(lambda on: f"else ({on['size']}, {min(int(on['faces']), FACES)}, "
                                f"{min(int(on['epochs']), EPOCHS)}{on['rest']})", code)
    return OWN.sub(f"else dict(faces={FACES}", code)


def main(path):
    """Run all cells; leave at the first that fails, after its traceback."""
    cells = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    made = [smaller(cell) for cell in cells]
    if 'device.type == "cpu"' in "\n".join(cells):
        assert made != cells, "the lesson's switch is not where it was, so that a GPU's whole scale would run"
    os.chdir(Path(path).parent)
    shell = InteractiveShell.instance()
    with pretended(pytest.MonkeyPatch()):
        for number, cell in enumerate(made):
            if not shell.run_cell(cell).success:
                print(f"cell {number} failed on the pretended GPU:\n{cell}")
                return 1
    assert made == cells or shell.user_ns["device"].type == "cuda", "the lesson did not find the GPU"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
