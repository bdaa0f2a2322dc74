"""The cache of decoded pixels: made once, mapped afterwards, never in the way."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from fercourse import lock
from fercourse.faces import cache
from fercourse.faces.cache import cached_array, cached_file
from tests.holder import holding

pytestmark = pytest.mark.usefixtures("own_cache")


class Maker:
    def __init__(self, value=3):
        self.calls, self.value = 0, value

    def __call__(self):
        self.calls += 1
        return np.full((4, 2), self.value, np.uint8)


def test_the_second_call_reads_what_the_first_wrote(own_cache):
    make = Maker()
    first, second = cached_array("digits", make), cached_array("digits", make)
    assert make.calls == 1 and first.tolist() == second.tolist() == [[3, 3]] * 4
    assert isinstance(second, np.memmap)
    assert [f.name for f in own_cache.iterdir()] == ["digits.npy"]


def test_writing_to_the_result_leaves_the_file_alone():
    cached_array("digits", Maker())[:] = 9
    assert cached_array("digits", Maker(5)).max() == 3


def test_odd_keys_do_not_collide_nor_leave_the_folder(own_cache):
    keys = ("../../up", "a/b", "a b", "x" * 400)
    for value, key in enumerate(keys):
        cached_array(key, Maker(value))
    assert [int(cached_array(key, Maker(99))[0, 0]) for key in keys] == [0, 1, 2, 3]
    assert len(list(own_cache.iterdir())) == 4


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"not an array at all"])
def test_a_damaged_file_is_made_again(own_cache, content):
    cached_array("digits", Maker())
    (own_cache / "digits.npy").write_bytes(content)
    make = Maker(7)
    assert cached_array("digits", make).max() == 7 and make.calls == 1
    assert cached_array("digits", Maker(1)).max() == 7


def test_a_truncated_array_is_made_again(own_cache):
    cached_array("digits", Maker())
    whole = (own_cache / "digits.npy").read_bytes()
    (own_cache / "digits.npy").write_bytes(whole[:-3])
    assert cached_array("digits", Maker(7)).max() == 7


def test_a_pickled_array_is_never_unpickled(own_cache):
    own_cache.mkdir()
    np.save(own_cache / "digits.npy", np.array([print], dtype=object), allow_pickle=True)
    assert cached_array("digits", Maker(7)).max() == 7


def test_a_cache_that_cannot_be_written_is_no_error(own_cache, monkeypatch):
    own_cache.write_text("a file stands where the folder should be")
    assert cached_array("digits", Maker()).max() == 3
    assert cached_file("digits", lambda path: None) is None
    monkeypatch.setattr(cache, "_writable", lambda path: False)
    assert cached_array("digits", Maker()).max() == 3


def test_a_full_disk_is_no_error_and_leaves_nothing(own_cache, monkeypatch):
    def full(file, array, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(np, "save", full)
    assert cached_array("digits", Maker()).max() == 3
    assert list(own_cache.iterdir()) == []


def test_an_error_of_the_maker_passes_through(own_cache):
    def broken():
        raise FileNotFoundError("faces.csv")
    with pytest.raises(FileNotFoundError, match=r"faces\.csv"):
        cached_array("digits", broken)
    assert list(own_cache.iterdir()) == []


def test_what_nobody_opened_for_a_month_is_removed(own_cache):
    digest, long_ago = "0a1b" * 6, time.time() - 31 * 86400
    for name in ("old", "used"):
        cached_array(f"{name}-{digest}", Maker())
    old = (f"set-own-{digest}.safetensors", f"x-{digest}.npy.host.7.part", f"x-{digest}.npy.lock",
           "study-people-3-16px-v2.parquet", "study-people-3-16px-v2.parquet.lock")
    theirs = "thesis.docx", "weights.safetensors", "embedding-2024.npy", "people.parquet"
    for name in (*old, *theirs):
        (own_cache / name).touch()
    for file in own_cache.iterdir():
        os.utime(file, (long_ago, long_ago))
    cached_array(f"used-{digest}", Maker())
    cached_array("new", Maker())
    assert {f.name for f in own_cache.iterdir()} == {"new.npy", f"used-{digest}.npy", *theirs}


def test_one_process_makes_what_several_want(own_cache):
    program = ("import sys, time, numpy as np\nfrom fercourse.faces.cache import cached_array\n"
               "def make():\n    print('made', flush=True), time.sleep(1)\n    return np.ones(4)\n"
               "print('ready', flush=True), input()\n"
               "assert cached_array('digits', make).sum() == 4")
    several = [subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "FERCOURSE_CACHE": str(own_cache)},
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for _ in range(3)]
    assert [process.stdout.readline() for process in several] == ["ready\n"] * 3      # a busy machine imports for long
    for process in several:
        process.stdin.write("\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60) for process in several]
    assert [process.returncode for process in several] == [0, 0, 0], told
    assert "".join(out for out, _ in told) == "made\n"
    assert [f.name for f in own_cache.iterdir()] == ["digits.npy"]


def test_who_waits_for_another_process_says_so_and_makes_it_if_that_is_killed(own_cache, caplog):
    own_cache.mkdir()
    with holding(own_cache / "digits.npy.lock") as kill:
        make, found = Maker(), []
        reader = threading.Thread(target=lambda: found.append(cached_array("digits", make)))
        reader.start()
        reader.join(.5)
        assert make.calls == 0 and "waiting for another process, which makes " in caplog.text
        assert "digits.npy" in caplog.text and len(caplog.records) == 1
        kill()
        reader.join(10)
        assert found[0].max() == 3 and make.calls == 1


def test_a_cache_that_cannot_lock_is_used_without(own_cache, monkeypatch):
    def unable(file):
        raise OSError(95, "Operation not supported")
    monkeypatch.setattr(lock, "_lock", unable)
    make = Maker()
    cached_array("digits", make), cached_array("digits", make)
    assert make.calls == 1 and [f.name for f in own_cache.iterdir()] == ["digits.npy"]


def test_a_killed_writer_leaves_nothing_that_looks_finished(own_cache):
    program = ("import os, numpy as np\nfrom fercourse.faces.cache import cached_array\n"
               "np.save = lambda file, *a, **k: (file.write(b'half'), file.flush(), os._exit(9))\n"
               "cached_array('digits', lambda: np.zeros(4))")
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "FERCOURSE_CACHE": str(own_cache)})
    assert sorted(f.suffix for f in own_cache.iterdir()) == [".lock", ".part"]
    for left in own_cache.iterdir():
        os.utime(left, (1, 1))
    assert cached_array("digits", Maker()).max() == 3
    assert [f.name for f in own_cache.iterdir()] == ["digits.npy"]
