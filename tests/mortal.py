"""The command line in a process of its own, killed at a chosen moment: the nth call within one of its functions."""

import multiprocessing
import os
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path

import torch

from fercourse.cli import main


def run(folder, place, words, moment=0):
    """Run `fercourse WORDS` in a folder, told in `said.txt` there; return (exit status, calls made within the place).

    Args:
        place: a function, as `module:name`.
        moment: kill -9 at this call; 0 lets it live.
    """
    context = multiprocessing.get_context("forkserver")            # children of a process that only imported
    context.set_forkserver_preload([__name__, "timm", "fercourse.methods", "fercourse.train", "fercourse.evaluate"])
    count = context.Value("q", 0)
    process = context.Process(target=_live, args=(str(folder), place, words, moment, count))
    process.start()
    process.join(120)
    process.kill()
    return process.exitcode, count.value


def _live(folder, place, words, moment, count):
    torch.set_num_threads(1)                                       # equal bits need equal sums
    os.chdir(folder)
    with Path("said.txt").open("w") as said, redirect_stdout(said), redirect_stderr(said):
        sys.setprofile(_watch(place, moment, count))
        try:
            main(words)
        finally:
            sys.setprofile(None)


def _watch(place, moment, count):
    """Return a profiler that counts calls while the place is at work, and kills the process at one of them."""
    module, name = place.split(":")
    target = import_module(module)
    for part in name.split("."):
        target = getattr(target, part)
    inside, calls = 0, count.get_obj()

    def watch(frame, event, _):
        nonlocal inside
        if frame.f_code is target.__code__:
            inside += {"call": 1, "return": -1}.get(event, 0)
        if inside and event in ("call", "c_call"):
            calls.value += 1
            if calls.value == moment:
                os.kill(os.getpid(), signal.SIGKILL)
    return watch
