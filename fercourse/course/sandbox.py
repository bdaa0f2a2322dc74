"""Run somebody else's notebook: in a process of its own, with limits on time and memory, and shut in where possible.

On Linux with user namespaces it has no network, sees a read-only disk without the places it must not see, shares no
memory with other runs, and writes only into its own folder. Elsewhere the limits hold, but not the walls: use a
throw-away machine.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Event

import nbformat

from .notebooks import ROOT

INHERITED = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "OMP_NUM_THREADS",
             "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
WALLS = ("unshare", "--map-root-user", "--net", "--ipc", "--mount", "--pid", "--fork", "--kill-child",
         "--mount-proc")
EVERY = 0.1                                                  # seconds between looks at its memory

# Its own folder stays writable, hidden folders and files look empty, shared memory is its own, the rest is read-only.
SHUT_IN = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
own="$1"; shift
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mount -t tmpfs -o ro none "$1"; else mount --bind /dev/null "$1"; fi
  shift
done
shift
for place in /dev/shm /dev/mqueue; do
  if [ -d "$place" ]; then mount -t tmpfs -o mode=1777,size=1g none "$place"; fi
done
while read -r _ _ _ _ place _; do
  case "$place" in "$own"|/proc|/proc/*|/dev|/dev/*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac
done < /proc/self/mountinfo
cd "$own/notebooks"
exec "$@"
"""


@dataclass(frozen=True)
class Limits:
    """What a notebook may use: seconds a cell, seconds in all, resident bytes of all its processes."""

    cell: float = 300
    whole: float = 1800
    memory: int = 6 << 30


@dataclass
class Run:
    """What came of a run: {index of a cell: its outputs} for cells that ended, and why it was stopped, if it was."""

    outputs: dict[int, list] = field(default_factory=dict)
    stopped: str = ""


@cache
def walled() -> bool:
    """Return whether this machine lets a process be shut in."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    with tempfile.TemporaryDirectory() as own:
        (Path(own) / "notebooks").mkdir()
        command = [*WALLS, "sh", "-c", SHUT_IN, "sh", own, "--", "true"]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def run(book, limits: Limits = Limits(), hidden=(), given_up: Event | None = None) -> Run:
    """Execute a notebook and return its outputs; never raises for what the notebook does.

    Args:
        hidden: folders and files that must look empty to it; left visible where Python or the course lies inside.
        given_up: once set, the notebook is stopped.
    """
    own = Path(tempfile.mkdtemp(prefix="fercourse-")).resolve()
    try:
        (own / "notebooks").mkdir()
        (own / "home").mkdir()
        if (ROOT / "results").is_dir():
            shutil.copytree(ROOT / "results", own / "results")
        (own / "book.ipynb").write_text(nbformat.writes(book), encoding="utf-8", errors="replace")
        stopped = _watch(_start(own, limits, hidden), limits, given_up)
        return Run(_read(own / "outputs.jsonl", book), stopped)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _start(own, limits, hidden):
    command = [sys.executable, "-m", "fercourse.course.inside", str(own), str(limits.cell)]
    if walled():
        command = [*WALLS, "sh", "-c", SHUT_IN, "sh", str(own), *_hideable(own, hidden), "--", *command]
    home = str(own / "home")
    environment = {key: os.environ[key] for key in INHERITED if key in os.environ} | {
        "HOME": home, "TMPDIR": home, "NUMBA_CACHE_DIR": home, "MPLCONFIGDIR": home, "JUPYTER_RUNTIME_DIR": home,
        "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1", "PIP_NO_INDEX": "1", "HF_HUB_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1", "FERCOURSE_WALLED": str(int(walled())),
        "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    return subprocess.Popen(command, cwd=own / "notebooks", env=environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def _hideable(own, hidden):
    """Return those of the places that are there and can be hidden without hiding what the run needs."""
    needed = [own, ROOT, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()]
    places = {place for place in (Path(place).resolve() for place in hidden)
              if (place.is_dir() or place.is_file()) and not any(one.is_relative_to(place) for one in needed)}
    return [str(place) for place in sorted(places) if places.isdisjoint(place.parents)]      # others go with these


def _watch(process, limits, given_up=None):
    """Wait for the end, or bring it about; return why."""
    end, why = time.monotonic() + limits.whole, ""
    while process.poll() is None and not why:
        time.sleep(EVERY)
        if given_up and given_up.is_set():
            why = "given up"
        elif time.monotonic() > end:
            why = f"stopped after {limits.whole:g} s"
        elif (used := _resident(process.pid)) > limits.memory:
            why = f"stopped at {used / 2**30:.1f} GiB of memory (limit {limits.memory / 2**30:.1f})"
    _kill(process)
    return why


def _tree(pid):
    import psutil
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _resident(pid):
    import psutil
    total = 0
    for process in _tree(pid):
        with suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def _kill(process):
    """End a run with everything it started; in a walled run the first process takes all others with it."""
    import psutil
    for one in _tree(process.pid):
        with suppress(psutil.Error):
            one.kill()
    if hasattr(os, "killpg"):
        with suppress(OSError):
            os.killpg(process.pid, 9)
    process.wait()


def _read(path, book):
    """Return the outputs a run left, as far as they are what a notebook may hold."""
    found = {}
    if path.is_symlink() or not path.is_file():
        return found
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError):
                record = json.loads(line)
                cell = nbformat.v4.new_code_cell("", outputs=nbformat.from_dict(record["outputs"]))
                nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
                if 0 <= record["index"] < len(book.cells):
                    found[record["index"]] = cell.outputs
    return found
