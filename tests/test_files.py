"""Files are there in full or not at all."""

import hashlib
import os

import pytest

from fercourse.files import replacing, sha256


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_name_appears_when_the_block_ends(tmp_path):
    with replacing(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_text() == "whole" and left(tmp_path / "new") == ["a.txt"]


@pytest.mark.parametrize("trouble", [ValueError, KeyboardInterrupt])
def test_trouble_keeps_the_old_file_and_leaves_nothing(tmp_path, trouble):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(trouble), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise trouble
    assert (tmp_path / "a.txt").read_text() == "old" and left(tmp_path) == ["a.txt"]


def test_what_a_killed_writer_left_is_swept_but_not_what_one_is_writing(tmp_path):
    for name in ("a[1].txt.11.part", "a[1].txt.12.part", "b.txt.11.part"):
        (tmp_path / name).touch()
    for name in ("a[1].txt.11.part", "b.txt.11.part"):
        os.utime(tmp_path / name, (1, 1))
    with replacing(tmp_path / "a[1].txt") as temporary:
        temporary.touch()
    assert left(tmp_path) == ["a[1].txt", "a[1].txt.12.part", "b.txt.11.part"]


def test_sha256(tmp_path):
    content = bytes(3_000_000)
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()
