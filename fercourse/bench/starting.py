"""How long the first lines of a notebook take."""

import subprocess
import sys

from ..errors import InputError
from . import Duel, benchmark

OURS, PEER = "import fercourse as fc; fc.load_faces, fc.fit, fc.methods", "import lightly.loss, lightly.transforms"


@benchmark("import", "imports/s", cpu=2.0, gpu=2.0)
def importing(scale):
    """The imports of a lesson (faces, methods, loop) in a fresh process, against lightly's losses and transforms."""
    if subprocess.run([sys.executable, "-c", PEER], capture_output=True).returncode:
        raise InputError("this benchmark needs lightly; pip install -e '.[bench]' in the checkout")
    yield Duel(_runner(OURS), _runner(PEER), 1, {"ours": OURS, "peer": PEER})


def _runner(code):
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
