"""The cache of decoded pixels: made once, mapped afterwards, never in the way."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from fercourse.faces import cache
from fercourse.faces.cache import cached_array, cached_file

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
    cached_array("old", Maker())
    cached_array("used", Maker())
    long_ago = time.time() - 31 * 86400
    for name in ("old.npy", "used.npy"):
        os.utime(own_cache / name, (long_ago, long_ago))
    cached_array("used", Maker())
    cached_array("new", Maker())
    assert sorted(f.name for f in own_cache.iterdir()) == ["new.npy", "used.npy"]


def test_a_killed_writer_leaves_nothing_that_looks_finished(own_cache):
    program = ("import os, numpy as np\nfrom fercourse.faces.cache import cached_array\n"
               "np.save = lambda file, *a, **k: (file.write(b'half'), file.flush(), os._exit(9))\n"
               "cached_array('digits', lambda: np.zeros(4))")
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "FERCOURSE_CACHE": str(own_cache)})
    assert [f.suffix for f in own_cache.iterdir()] == [".part"]
    for left in own_cache.iterdir():
        os.utime(left, (1, 1))
    assert cached_array("digits", Maker()).max() == 3
    assert [f.name for f in own_cache.iterdir()] == ["digits.npy"]
