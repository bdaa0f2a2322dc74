"""kill -9 at random moments of training, packing and rendering: doing it again ends as if nothing had happened."""

import json
import os
import random
import signal
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from fercourse.checkpoint import read_checkpoint
from tests.faces.pictures import checker
from tests.line import toy_pack
from tests.mortal import run
from tests.same import equal

KILLS = int(os.environ.get("FERCOURSE_KILLS", 1))      # of each job; more where there is time
DRAW = os.environ.get("FERCOURSE_KILLS_DRAW") or os.environ.get("GITHUB_RUN_NUMBER") or str(date.today())
TIMES = {"seconds", "images_per_s"}                    # what no two runs have in common

TRAIN = ["--data", "../drawn.safetensors", "--out", "run", "--resume", "--epochs", "3", "--batch-size", "16",
         "--save-every", "2", "--device", "cpu"]
RELABEL = ["--noise", "0.3", "--epochs", "4", "--set", "apart=0", "--set", "margin=0", "--set", "jury=0"]


@dataclass(frozen=True)
class Job:
    """What is done, and the function within which it is killed."""

    words: list[str]
    place: str
    needs: str = "torch"


JOBS = {
    "steps": Job(["train", "wscfer", *TRAIN], "fercourse.train:fit"),
    "saves": Job(["train", "hncl", *TRAIN], "fercourse.checkpoint:Checkpoint.save"),
    "relabelling": Job(["train", "dr-fer", *TRAIN, *RELABEL], "fercourse.methods.dr_fer:DrFer.start_epoch"),
    "last files": Job(["train", "hncl", *TRAIN], "fercourse.checkpoint:write_json"),
    "packing": Job(["data", "pack", "folder", "--root", "../faces", "--size", "16", "--out", "a.safetensors",
                    "--workers", "1"], "fercourse.faces.pack:write_pack"),
    "rendering": Job(["render", "--out", "a.parquet", "--people", "3", "--per-person", "2", "--size", "16",
                      "--workers", "1"], "fercourse.synth.population_file:write_population", needs="embreex"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a pack to train on and pictures to pack."""
    folder = tmp_path_factory.mktemp("place")
    toy_pack(folder / "drawn.safetensors", size=24)
    for number in range(12):
        of = folder / "faces" / ("fear", "anger")[number % 2]
        of.mkdir(parents=True, exist_ok=True)
        Image.fromarray(checker(32, 32, number)).save(of / f"{number}.png")
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL") or not hasattr(os, "fork"), reason="Windows knows no kill -9")
@pytest.mark.parametrize("name", JOBS)
def test_whoever_is_killed_and_called_again_ends_like_one_that_was_not(place, name):
    """Killed once for each of `FERCOURSE_KILLS` moments (default 1; 20 take some minutes), in a fresh folder.

    The moments are others every day and in every run of GitHub's; `FERCOURSE_KILLS_DRAW` brings some back.
    """
    print(f"To repeat: FERCOURSE_KILLS={KILLS} FERCOURSE_KILLS_DRAW={DRAW} python -m pytest tests/test_kills.py "
          f"-k '{name.replace(' ', ' and ')}'")                               # shown where the test fails
    job = JOBS[name]
    pytest.importorskip(job.needs)
    status, calls = do(job, place / f"{name} whole")
    assert status == 0 and calls > 10, said(place / f"{name} whole")
    wanted = outcome(place / f"{name} whole")
    if name == "relabelling":
        assert len(wanted["run/checkpoint.pt"]["memory"]["changes"])          # or it would be about nothing
    for moment in random.Random(f"{name} {DRAW}").sample(range(1, calls + 1), min(KILLS, calls)):
        folder = place / f"{name} killed at {moment}"
        status, made = do(job, folder, moment)
        assert (status, made) == (-signal.SIGKILL, moment) or (
            status == 0 and 0.99 * calls < made < moment), said(folder)          # runs differ a little
        assert do(job, folder)[0] == 0, f"killed at call {moment} of {calls}: {said(folder)}"
        found = outcome(folder)
        assert found.keys() == wanted.keys(), f"killed at call {moment} of {calls}"
        assert [k for k in wanted if not equal(found[k], wanted[k])] == [], f"killed at call {moment} of {calls}"


def do(job, folder, moment=0):
    folder.mkdir(exist_ok=True)
    return run(folder, job.place, job.words, moment)


def said(folder):
    return (folder / "said.txt").read_text()


def outcome(folder):
    """Return the content of every file that there is, without times."""
    files = [path for path in sorted(folder.rglob("*")) if path.name != "said.txt"]
    return {str(path.relative_to(folder)): content(path, folder) for path in files}


def content(path: Path, folder: Path):
    if path.is_dir():
        return None
    if path.suffix == ".pt":
        return read_checkpoint(path)
    if path.suffix in (".json", ".jsonl"):
        text = path.read_text().replace(str(folder), "")     # each was asked for files of its own
        lines = text.splitlines() if path.suffix == ".jsonl" else [text]
        return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]
    return path.read_bytes()
