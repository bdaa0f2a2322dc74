"""Run somebody else's notebook: in a process of its own, with limits on time and memory, and shut in where possible.

On Linux with user namespaces it has no network and another root: the system's programs, Python and the course, all
read-only, and its own folder, into which alone it writes. Homes, temporary folders, sockets, devices and the memory of
others are not there. Elsewhere the limits hold, but not the walls: use a throw-away machine.
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
MOST_PROCESSES, MOST_WRITTEN, BLOCK = 256, 2 << 30, 4096     # of a run on Linux; bytes on the disk
COURSE = ("fercourse", "data", "results", "examples")        # of the checkout: neither its history nor its solutions
MOST_TOLD = 1 << 26                                          # characters of outputs that are read

# What a run sees of the system, where it is there; Python, the course and its own folder come to it.
ETC = ("alternatives", "ca-certificates", "fonts", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime",
       "mime.types", "nsswitch.conf", "OpenCL", "passwd", "ssl/certs", "ssl/openssl.cnf")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu", "/run/current-system",
          "/run/opengl-driver", "/sys", "/proc", *(f"/etc/{name}" for name in ETC))
DEVICES = ("null", "zero", "full", "random", "urandom", "nvidia*", "dri", "kfd", "dxg")

# $1 its own folder; then the places it sees, --, those of them that look empty, --, and what is run. Whatever cannot be
# mounted, or made read-only though it can be reached, ends the script. Of mounts on one place the last is seen.
SHUT_IN = r"""
set -e
mount --make-rprivate /
own="$1"; shift
new="$own/root"; mkdir "$new"
mount -t tmpfs -o mode=755 none "$new"
mkdir "$new/dev"
show() {
  if [ -L "$1" ]; then mkdir -p "$new${1%/*}"; cp -P "$1" "$new$1"; return; fi
  if [ -d "$1" ]; then mkdir -p "$new$1"; else mkdir -p "$new${1%/*}"; : > "$new$1"; fi
  if [ "$1" = "$own" ]; then mount --bind "$1" "$new$1"; else mount --rbind "$1" "$new$1"; fi
}
while [ "$1" != -- ]; do show "$1"; shift; done; shift
while [ "$1" != -- ]; do
  if [ -d "$new$1" ]; then mount -t tmpfs none "$new$1"; elif [ -e "$new$1" ]; then mount --bind /dev/null "$new$1"; fi
  shift
done; shift
for place in shm mqueue; do mkdir "$new/dev/$place"; mount -t tmpfs -o mode=1777,size=1g none "$new/dev/$place"; done
mkdir "$new/dev/pts"; ln -s pts/ptmx "$new/dev/ptmx"; ln -s /proc/self/fd "$new/dev/fd"
ln -s fd/0 "$new/dev/stdin"; ln -s fd/1 "$new/dev/stdout"; ln -s fd/2 "$new/dev/stderr"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 none "$new/dev/pts"
awk '{ sub(/,idmapped/, "", $6); last[$5] = $6 } END { for (place in last) print place, last[place] }' \
  /proc/self/mountinfo > "$own/mounts"
while read -r place options; do
  case "$place" in *\\*) place=$(printf '%b' "$(printf %s "$place" | sed 's/\\/\\0/g')") ;; esac
  case "$place" in
    "$new"|"$new$own"|"$new"/dev/shm|"$new"/dev/mqueue|"$new"/dev/pts) ;;
    "$new"/*) mount -o "remount,bind,ro${options#??}" "$place" || ! [ -e "$place" ] ;;
  esac
done < "$own/mounts"
mkdir "$new/.old"
cd "$new"
PATH="$PATH:/usr/sbin:/sbin" pivot_root . .old
umount -l /.old
rmdir /.old
mount -o remount,bind,ro /
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
    """Return whether this machine lets a process be shut in, and Python still runs there."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    with tempfile.TemporaryDirectory() as own:
        own = Path(own).resolve()
        (own / "notebooks").mkdir()
        tried = "import nbclient, ipykernel, fercourse.course.inside\nopen('written', 'w').close()"
        return subprocess.run(_inside(own, (), [sys.executable, "-c", tried]), stdin=subprocess.DEVNULL,
                              capture_output=True, env=_environment(own)).returncode == 0


def _inside(own, hidden, command):
    """Return the command line that runs a command behind the walls, in its own folder."""
    return [*WALLS, "sh", "-c", SHUT_IN, "sh", str(own), *_seen(own), "--", *_hideable(own, hidden), "--", *command]


def _seen(own):
    """Return the places that a run sees, none within another."""
    devices = [place for name in DEVICES for place in Path("/dev").glob(name)]
    libraries = {Path(place) for place in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)}
    libraries -= {*own.parents, Path.home(), *Path.home().parents}
    wanted = [*map(Path, SYSTEM), *(place for place in libraries if place.is_absolute()), *_python(),
              *(ROOT / name for name in COURSE)]
    places = {one for place in wanted if place.exists() for one in _ways(place)} | {*devices}
    return [str(place) for place in sorted(places) if places.isdisjoint(place.parents)] + [str(own)]


def _python():
    """Return where Python is, and what leads there."""
    brew = [place for place in Path(sys.base_prefix).parents if place.name == ".linuxbrew"]      # its libraries
    return [*map(Path, (sys.executable, sys.prefix, sys.base_prefix)), *brew]


def _ways(place):
    """Return the links on the way to a place, each by its real name, and what they lead to."""
    links, place = [], Path(os.path.abspath(place))                     # noqa: PTH100 (resolving comes later)
    while link := next((one for one in (*reversed(place.parents), place) if one.is_symlink()), None):
        links.append(link)
        place = Path(os.path.abspath(link.parent / link.readlink() / place.relative_to(link)))        # noqa: PTH100
    return [*links, place]


def _needed(own):
    """Return what a run cannot be without, resolved."""
    return [own, *(Path(place).resolve() for place in (ROOT, sys.prefix, sys.base_prefix))]


def run(book, limits: Limits = Limits(), hidden=(), given_up: Event | None = None) -> Run:
    """Execute a notebook and return its outputs; never raises for what the notebook does.

    Args:
        hidden: folders and files that must look empty to it; where Python or the course lies inside, these are seen.
        given_up: once set, the notebook is stopped.
    """
    own = Path(tempfile.mkdtemp(prefix="fercourse-")).resolve()
    try:
        (own / "notebooks").mkdir()
        (own / "home").mkdir()
        for beside in ("results", "examples"):               # what lessons read at ../
            if (ROOT / beside).is_dir():
                shutil.copytree(ROOT / beside, own / beside)
        (own / "book.ipynb").write_text(nbformat.writes(book), encoding="utf-8", errors="replace")
        stopped = _watch(_start(own, limits, hidden), limits, given_up, own)
        return Run(_read(own / "outputs.jsonl", book), stopped)
    finally:
        _remove(own)


def _remove(own):
    """Remove a folder, whatever its owner's notebook has forbidden; nothing of it is for the next run to read."""
    with suppress(OSError):
        own.chmod(0o700)
    for folder, inner, _ in os.walk(own):                    # from above: each before it is looked into
        for place in (Path(folder, name) for name in inner):
            with suppress(OSError):
                place.is_symlink() or place.chmod(0o700)
    shutil.rmtree(own, ignore_errors=True)


def _start(own, limits, hidden):
    command = [sys.executable, "-m", "fercourse.course.inside", str(own), str(limits.cell)]
    if walled():
        command = _inside(own, hidden, command)
    environment = _environment(own) | {"FERCOURSE_WALLED": str(int(walled()))}
    return subprocess.Popen(command, cwd=own / "notebooks", env=environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def _environment(own):
    home = str(own / "home")
    return {key: os.environ[key] for key in INHERITED if key in os.environ} | {
        "HOME": home, "USERPROFILE": home, "TMPDIR": home, "TEMP": home, "TMP": home, "NUMBA_CACHE_DIR": home,
        "MPLCONFIGDIR": home, "JUPYTER_RUNTIME_DIR": home,
        "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1", "PIP_NO_INDEX": "1", "HF_HUB_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}


def _hideable(own, hidden):
    """Return those of the places that are there and can be hidden without hiding what the run needs."""
    needed = _needed(own)
    places = {place for place in (Path(place).resolve() for place in hidden)
              if (place.is_dir() or place.is_file()) and not any(one.is_relative_to(place) for one in needed)}
    return [str(place) for place in sorted(places) if places.isdisjoint(place.parents)]      # others go with these


def _watch(process, limits, given_up, own):
    """Wait for the end, or bring it about; return why."""
    end, why = time.monotonic() + limits.whole, ""
    while process.poll() is None and not why:
        time.sleep(EVERY)
        if given_up and given_up.is_set():
            why = "given up"
        elif time.monotonic() > end:
            why = f"stopped after {limits.whole:g} s"
        elif (used := _resident(process.pid, limits.memory)) > limits.memory:
            why = f"stopped at {used / 2**30:.1f} GiB of memory (limit {limits.memory / 2**30:.1f})"
        elif sys.platform == "linux":
            why = _too_much(process.pid, own)
    _kill(process)
    return why


def _too_much(pid, own):
    """Return why a run must end that has too many processes or fills the disk; empty where it does neither."""
    if (count := len(_tree(pid))) > MOST_PROCESSES:
        return f"stopped at {count} processes (limit {MOST_PROCESSES})"
    if (used := _on_disk(own)) > MOST_WRITTEN:
        return f"stopped at {used / 2**30:.1f} GiB of files (limit {MOST_WRITTEN / 2**30:.1f})"
    return ""


def _on_disk(own):
    """Return the bytes that files in a folder take, each a block at least: many empty ones fill a disk as well."""
    total = 0
    with suppress(RecursionError):
        for folder, _, names in os.walk(own):
            for place in (Path(folder, name) for name in names):
                with suppress(OSError):
                    total += max(BLOCK, place.lstat().st_blocks * 512)
    return total


def _tree(pid):
    import psutil
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _resident(pid, limit):
    """Return the bytes that a run holds; where they seem too many, pages that its processes share count once."""
    import psutil
    tree, total = _tree(pid), 0
    for process in tree:
        with suppress(psutil.Error):
            total += process.memory_info().rss
    if total <= limit or sys.platform != "linux":
        return total
    total = 0
    for process in tree:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
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
    outputs = {}
    if path.is_symlink() or not path.is_file():
        return outputs
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file.read(MOST_TOLD).split("\n"):
            with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError, nbformat.ValidationError):
                record = json.loads(line)
                cell = nbformat.v4.new_code_cell("", outputs=nbformat.from_dict(record["outputs"]))
                nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
                if 0 <= record["index"] < len(book.cells):
                    outputs[record["index"]] = cell.outputs
    return outputs
