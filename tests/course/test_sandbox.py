"""What a run can see of the machine, of other runs and of what it was handed."""

import json
import os
import re
import socket
import sys
import tempfile
import time
from pathlib import Path
from threading import Event

import nbformat
import pytest

from fercourse.course import inside, sandbox

LOOKS = """
import json, os
def text(path):
    try:
        return open(path).read()
    except OSError:
        return ""
left = [path for path in ("/dev/shm", "/dev/mqueue") if os.path.isdir(path) and os.access(path, os.W_OK)]
for path in left[:1]:
    open(f"{path}/NAME", "w").write("left for others")
print(json.dumps({"book": text("../book.ipynb"), "files": [text(path) for path in PLACES], "left": left}))
"""


def notebook(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources])


@pytest.fixture
def walls():
    if not sandbox.walled():
        pytest.skip("this system cannot shut submissions in")


def test_a_run_reads_no_book_no_hidden_file_and_leaves_nothing_to_others(tmp_path):
    (tmp_path / "in" / "feedback").mkdir(parents=True)
    places = [tmp_path / "grades of all.csv", tmp_path / "in" / "grades.csv"]
    for place in places:
        place.write_text("secret")
    name = f"fercourse-test-{os.getpid()}"
    source = LOOKS.replace("PLACES", repr([str(place) for place in places])).replace("NAME", name)
    hidden = [places[0], tmp_path / "in", tmp_path / "in" / "feedback", places[1], tmp_path / "none"]
    ran = sandbox.run(notebook(source), sandbox.Limits(cell=60, whole=60), hidden)
    told = json.loads(ran.outputs[0][0].text)
    try:
        assert told["book"] == "" and not ran.stopped
        if sandbox.walled():
            assert told["files"] == ["", ""]
            assert told["left"] and not (Path("/dev/shm") / name).exists()
    finally:
        (Path("/dev/shm") / name).unlink(missing_ok=True)


def test_a_run_cannot_take_the_walls_down(walls, tmp_path):
    (tmp_path / "secret").write_text("seen")
    source = f"""
import subprocess
for command in ("umount {tmp_path}", "unshare -Urm umount {tmp_path}", "mount -o remount,rw,bind /"):
    subprocess.run(command, shell=True, capture_output=True)
print(subprocess.run("cat {tmp_path}/secret; touch {tmp_path.parent}/written", shell=True, capture_output=True).stdout)
"""
    ran = sandbox.run(notebook(source), sandbox.Limits(cell=60, whole=60), [tmp_path])
    assert ran.outputs[0][-1].text.strip() == "b''" and not (tmp_path.parent / "written").exists()


def test_only_places_that_are_there_and_not_inside_others_are_hidden(tmp_path):
    (tmp_path / "in" / "feedback").mkdir(parents=True)
    (tmp_path / "a.csv").touch()
    hidden = [tmp_path / "in" / "feedback", tmp_path / "in", tmp_path / "a.csv", tmp_path / "none", sandbox.ROOT]
    assert sandbox._hideable(tmp_path / "own", hidden) == [str(tmp_path / "a.csv"), str(tmp_path / "in")]


def said(source, hidden=()):
    """Return what a notebook of one cell prints."""
    ran = sandbox.run(notebook(source), sandbox.Limits(cell=60, whole=60), hidden)
    return ran.outputs[0][-1].text.strip()


def test_a_run_sees_no_home_no_other_run_and_no_socket(walls, tmp_path):
    with socket.socket(socket.AF_UNIX) as server, tempfile.TemporaryDirectory(prefix="fercourse-") as other:
        server.bind(f"{other}/door")
        server.listen()
        (Path(other) / "book.ipynb").write_text("answers")
        told = json.loads(said(f"""
import glob, json, os, socket
try:
    socket.socket(socket.AF_UNIX).connect("{other}/door")
    reached = True
except OSError:
    reached = False
print(json.dumps([reached, glob.glob("{Path(other).parent}/fercourse-*"), os.path.exists("{tmp_path}"), os.getcwd(),
                  [place for place in ("/home", "/run", "/var", "/dev/tty", "/etc/shadow") if os.path.exists(place)]]))
"""))
    reached, runs, mine, here, places = told
    assert not reached and runs == [str(Path(here).parent)] and not mine and places == []


def test_a_run_writes_into_its_folder_alone(walls, tmp_path, monkeypatch):
    """Places with a blank or a percent sign in their names, too; and nothing of the kernel's, even as root."""
    odd = tmp_path / "a b%d"
    odd.mkdir()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(odd))
    places = [f"{odd}/x", f"{sandbox.ROOT}/x", "/x", "/proc/sys/kernel/core_pattern"]
    told = json.loads(said(f"""
import json, os
def written(place):
    try:
        open(place, "a").close()
        return True
    except OSError:
        return False
print(json.dumps([[written(place) for place in {places}], written("x"), os.path.isdir("{odd}")]))
"""))
    assert told == [[False] * 4, True, True]


def test_its_folder_may_lie_in_a_place_that_is_seen(walls, monkeypatch):
    (sandbox.ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=sandbox.ROOT / "build") as near:
        monkeypatch.setattr(tempfile, "tempdir", near)
        monkeypatch.setenv("LD_LIBRARY_PATH", f":relative:{near}")
        assert said("print(open('x', 'w').write('y'))") == "1"


def test_walls_stand_for_users_without_the_systems_own_folders(walls, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    sandbox.walled.cache_clear()
    try:
        assert sandbox.walled()
    finally:
        sandbox.walled.cache_clear()


def test_links_that_lead_to_a_place_are_seen_too(tmp_path):
    real = tmp_path.resolve() / "real"
    (real / "deep").mkdir(parents=True)
    (real / "python").symlink_to("deep")
    (tmp_path / "home").symlink_to(real)
    assert sandbox._ways(tmp_path / "home" / "python" / "bin") == [
        tmp_path.resolve() / "home", real / "python", real / "deep" / "bin"]
    assert sandbox._ways(real / "deep") == [real / "deep"]


def test_a_folder_that_was_forbidden_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))              # others run in the usual one at the same time
    sandbox.run(notebook("import os\nos.mkdir('d')\nopen('d/answers', 'w').close()\n"
                         "for place in ('d', '.', '..'):\n    os.chmod(place, 0)"), sandbox.Limits(cell=60, whole=60))
    assert not list(tmp_path.glob("fercourse-*"))


def test_outputs_without_end_are_not_read(tmp_path, monkeypatch):
    record = json.dumps({"index": 0, "outputs": []})
    (tmp_path / "outputs.jsonl").write_text(f"{record}\n{record.replace('0', '1')}\n" + "[" * 100_000)
    assert sandbox._read(tmp_path / "outputs.jsonl", notebook("1", "2")) == {0: [], 1: []}
    monkeypatch.setattr(sandbox, "MOST_TOLD", len(record) + 5)
    assert sandbox._read(tmp_path / "outputs.jsonl", notebook("1", "2")) == {0: []}


def test_a_run_given_up_is_stopped():
    given_up = Event()
    given_up.set()
    start = time.monotonic()
    ran = sandbox.run(notebook("import time\ntime.sleep(600)"), sandbox.Limits(cell=60, whole=60), (), given_up)
    assert ran.stopped == "given up" and time.monotonic() - start < 30


@pytest.mark.skipif(sys.platform != "linux", reason="not limited elsewhere")
@pytest.mark.parametrize(("source", "words"), [
    ("import subprocess\nheld = [subprocess.Popen(['sleep', '600']) for _ in range(40)]", "stopped at .* processes"),
    ("[open(f'{i}.bin', 'wb').write(bytes(2**20)) for i in range(40)]", r"stopped at 0\.0 GiB of files \(limit 0")],
    ids=["processes", "bytes"])
def test_a_run_that_fills_the_machine_is_stopped(source, words, monkeypatch):
    monkeypatch.setattr(sandbox, "MOST_PROCESSES", 30)
    monkeypatch.setattr(sandbox, "MOST_WRITTEN", 30 << 20)
    ran = sandbox.run(notebook(source + "\nimport time\ntime.sleep(600)"), sandbox.Limits(cell=60, whole=60))
    assert re.match(words, ran.stopped)


def test_an_empty_file_takes_a_block_and_a_hole_takes_nothing(tmp_path):
    if sys.platform != "linux":
        pytest.skip("not limited elsewhere")
    (tmp_path / "d").mkdir()
    for i in range(10):
        (tmp_path / "d" / str(i)).touch()
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(2**30)
    assert sandbox._on_disk(tmp_path) == 11 * sandbox.BLOCK


def test_processes_and_threads_are_few_where_the_kernel_counts_only_the_runs_own(walls):
    limit = int(said("import resource\nprint(resource.getrlimit(resource.RLIMIT_NPROC)[0])"))
    old = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) < (5, 14)
    assert old or limit == inside.MOST_TASKS
