"""Locks keep other processes out, end with their holder, and are never in the way."""

import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from fercourse import lock
from fercourse.lock import alone, take
from tests.holder import holding


def test_a_lock_is_one_processs_until_it_is_killed(tmp_path):
    with holding(tmp_path / "a") as kill:
        assert take(tmp_path / "a") is None and take(tmp_path / "b").held
        kill()
        assert take(tmp_path / "a").held


def test_a_lock_ends_with_its_release_or_its_last_reference_and_leaves_nothing(tmp_path):
    first = take(tmp_path / "a")
    assert first.held and take(tmp_path / "a") is None
    first.release()
    second = take(tmp_path / "a")
    first.release()                                                       # a second time it is not its own any more
    assert second.held and not first.held and take(tmp_path / "a") is None
    del second
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_the_children_of_a_killed_process_hold_nothing(tmp_path):
    program = ("import os, sys, time\nfrom fercourse.lock import take\nlock = take(sys.argv[1])\nchild = os.fork()\n"
               "if child == 0:\n    os.close(1), time.sleep(60)\n"
               "time.sleep(.3)\nprint(child, flush=True)\nos._exit(9)")
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "a"], stdout=subprocess.PIPE, text=True)
    try:
        os.kill(int(done.stdout), 0)                                      # it lives
        assert take(tmp_path / "a") is not None
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)


def test_who_waits_says_so_once_and_comes_next(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PAUSE", .01)
    first, said, inside = take(tmp_path / "a.lock"), [], []
    waiting = threading.Event()

    def wait():
        with alone(tmp_path / "a", lambda: (said.append("waiting"), waiting.set())):
            inside.append(first.held)
    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(10) and not inside
    thread.join(.1)
    first.release()
    thread.join(10)
    assert said == ["waiting"] and inside == [False] and list(tmp_path.iterdir()) == []


def test_a_file_that_its_last_holder_removed_is_no_lock(tmp_path, monkeypatch):
    tried, really = [], lock._lock

    def late(file):
        tried.append(file)
        if len(tried) == 1:
            (tmp_path / "a").unlink()
        really(file)
    monkeypatch.setattr(lock, "_lock", late)
    kept = take(tmp_path / "a")
    assert len(tried) == 2 and kept.held and take(tmp_path / "a") is None


def test_without_a_place_or_a_file_system_for_locks_work_goes_on(tmp_path, monkeypatch):
    with alone(tmp_path / "nowhere" / "a"):
        assert take(tmp_path / "nowhere" / "a.lock").held

    def unable(file):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    monkeypatch.setattr(lock, "_lock", unable)
    with alone(tmp_path / "a"), alone(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == []
