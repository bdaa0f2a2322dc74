"""What a run can see of the machine, of other runs and of what it was handed."""

import json
import os
import time
from pathlib import Path
from threading import Event

import nbformat
import pytest

from fercourse.course import sandbox

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


def test_a_run_cannot_take_the_walls_down(tmp_path):
    if not sandbox.walled():
        pytest.skip("this system cannot shut submissions in")
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


@pytest.mark.parametrize(("place", "kept"), [("/dev", True), ("/dev/pts", True), ("/proc/sys", True),
                                             ("/developer", False), ("/process", False), ("/mnt", False)])
def test_only_devices_and_processes_stay_as_they_are(place, kept):
    import subprocess
    pattern = next(line for line in sandbox.SHUT_IN.splitlines() if 'case "$place"' in line)
    script = pattern.split(" mount ")[0] + " echo read-only ;; esac"
    told = subprocess.run(["sh", "-c", script], env={"place": place, "own": "/own"}, capture_output=True, text=True)
    assert told.stdout == ("" if kept else "read-only\n") and told.returncode == 0


def test_a_run_given_up_is_stopped():
    given_up = Event()
    given_up.set()
    start = time.monotonic()
    ran = sandbox.run(notebook("import time\ntime.sleep(600)"), sandbox.Limits(cell=60, whole=60), (), given_up)
    assert ran.stopped == "given up" and time.monotonic() - start < 30
