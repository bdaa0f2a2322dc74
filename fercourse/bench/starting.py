"""How long the first lines of a notebook take, and how long a newcomer waits for the first picture."""

import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from tqdm.auto import tqdm

from . import Duel, PeerMissing, benchmark, survey, turn_seconds

OURS, PEER = "import fercourse as fc; fc.load_faces, fc.fit, fc.methods", "import lightly.loss, lightly.transforms"
FACES = "import fercourse as fc; fc.load_faces('synthfaces', domain='wild')"
TRAIN = ("train baseline --data synthfaces/wild --score synthfaces/wild:test --size 48 --epochs {epochs} "
         "--out runs/first --resume")
DRAW = ("embed runs/first --data synthfaces/wild --most 1000 --out runs/first/embedding.png "
        "--out runs/first/explorer.html")                                                 # the lines of `make run`


@benchmark("import", "imports/s", cpu=2.0, gpu=2.0)
def importing(scale):
    """The imports of a lesson (faces, methods, loop) in a fresh process, against lightly's losses and transforms."""
    if subprocess.run([sys.executable, "-c", PEER], capture_output=True).returncode:
        raise PeerMissing("lightly")
    yield Duel(_runner(OURS), _runner(PEER), 1, {"ours": OURS, "peer": PEER})


@survey("first-picture")
def first_picture(scale):
    """What a newcomer waits for after the install: imports, faces that nobody decoded yet, the lines of `make run`."""
    epochs, turns = 1 if scale.name == "smoke" else 16, scale.repetitions
    work = {"imports": (_python(OURS), [0] * turns), "all wild faces, decoded": (_python(FACES), range(turns)),
            "all wild faces, opened again": (_python(FACES), [0] * turns),
            "training and its scores": (_fercourse(TRAIN.format(epochs=epochs), scale.device), [0]),
            "the first picture, and the explorer": (_fercourse(DRAW, scale.device), [0])}
    with tempfile.TemporaryDirectory() as folder:
        rows = [{"wait": name, "seconds": _wait(Path(folder), *how)}
                for name, how in tqdm(work.items(), "first-picture", delay=2)]
    return {"unit": "s", "rows": rows, "epochs": epochs}


def _wait(folder, command, caches):
    """Return the median seconds of fresh processes, one a number of a cache, which is empty where it is new."""
    def turn(cache):
        return partial(_run, command, cwd=folder, env=os.environ | {"FERCOURSE_CACHE": str(folder / f"cache{cache}")})

    return round(statistics.median(turn_seconds(turn(cache)) for cache in caches), 2)


def _python(code):
    return ["-c", code]


def _fercourse(line, device):
    return ["-m", "fercourse", *line.split(), "--device", device]


def _run(command, **options):
    return subprocess.run([sys.executable, *command], check=True, capture_output=True, **options)


def _runner(code):
    return partial(_run, _python(code))
