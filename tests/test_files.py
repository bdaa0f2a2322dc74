"""Files are there in full or not at all."""

import errno
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from fercourse import files
from fercourse.errors import InputError
from fercourse.files import Unwritable, append, replacing, sha256, write_json, write_text
from tests.full import room


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_name_appears_when_the_block_ends(tmp_path):
    with replacing(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_text() == "whole" and left(tmp_path / "new") == ["a.txt"]


def test_the_old_file_stays_under_another_name_once_the_new_one_is_whole(tmp_path):
    for content in ("1", "2", "3"):
        with replacing(tmp_path / "a", tmp_path / "before") as temporary:
            temporary.write_text(content)
    with pytest.raises(ValueError), replacing(tmp_path / "a", tmp_path / "before"):
        raise ValueError
    assert (tmp_path / "a").read_text() == "3" and (tmp_path / "before").read_text() == "2"


@pytest.mark.parametrize("trouble", [ValueError, KeyboardInterrupt])
def test_trouble_keeps_the_old_file_and_leaves_nothing(tmp_path, trouble):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(trouble), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise trouble
    assert (tmp_path / "a.txt").read_text() == "old" and left(tmp_path) == ["a.txt"]


def test_what_a_killed_writer_left_is_swept_but_not_what_one_is_writing(tmp_path):
    for name in ("a[1].txt.box.11.part", "a[1].txt.box.12.part", "b.txt.box.11.part"):
        (tmp_path / name).touch()
    for name in ("a[1].txt.box.11.part", "b.txt.box.11.part"):
        os.utime(tmp_path / name, (1, 1))
    with replacing(tmp_path / "a[1].txt") as temporary:
        temporary.touch()
    assert left(tmp_path) == ["a[1].txt", "a[1].txt.box.12.part", "b.txt.box.11.part"]


def test_what_a_dead_process_of_this_machine_left_is_swept_at_once(tmp_path):
    host, gone = platform.node().partition(".")[0], dead_process()
    for name in (f"a.{host}.{gone}.part", f"a.{host}.{os.getppid()}.part", f"a.elsewhere.{gone}.part", "a.part"):
        (tmp_path / name).touch()
    with replacing(tmp_path / "a") as temporary:
        temporary.touch()
    assert left(tmp_path) == sorted(["a", f"a.{host}.{os.getppid()}.part", f"a.elsewhere.{gone}.part", "a.part"])


@pytest.mark.parametrize("name", ["notes.old.part", "notes.of.june.part", "notes.10.11.12.part", "notes.a.²2.part"])
def test_what_only_looks_like_a_leftover_is_somebodys_and_stays(tmp_path, name):
    (tmp_path / name).touch()
    os.utime(tmp_path / name, (1, 1))
    write_text(tmp_path / "notes", "new")
    assert left(tmp_path) == sorted(["notes", name])


def dead_process():
    """Return the number of a process that ran and ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EACCES])
def test_what_the_disk_refuses_is_one_sentence_with_the_path(tmp_path, number):
    (tmp_path / "a").write_text("old")
    with pytest.raises(InputError) as told, replacing(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise OSError(number, os.strerror(number))
    advice = "free some space" if number in (errno.ENOSPC, errno.EFBIG) else "choose a place that you may write to"
    assert str(told.value) == f"{tmp_path / 'a'} cannot be written ({os.strerror(number)}); what was there is kept; " \
                              + advice
    assert isinstance(told.value, OSError) and left(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "old"


@pytest.fixture
def held(monkeypatch):
    """Let other programs hold files for so many tries; return a list of the seconds that were waited for them."""
    def hold(tries, system):
        waited, replace = [], Path.replace

        def refuse(path, target):
            if len(waited) < tries:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return replace(path, target)
        monkeypatch.setattr("pathlib.Path.replace", refuse)
        monkeypatch.setattr(files, "os", SimpleNamespace(**vars(os) | {"name": system}))
        monkeypatch.setattr(files, "time", SimpleNamespace(sleep=waited.append, time=time.time))
        return waited
    return hold


def test_on_windows_a_file_that_is_held_for_a_moment_is_waited_for(tmp_path, held):
    (tmp_path / "a").write_text("old")
    waited = held(5, "nt")
    with replacing(tmp_path / "a", tmp_path / "before") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a").read_text() == "new" and (tmp_path / "before").read_text() == "old" and len(waited) == 5


@pytest.mark.parametrize(("system", "seconds"), [("nt", 2), ("posix", 0)])
def test_a_file_that_stays_held_is_told_after_two_seconds(tmp_path, held, system, seconds):
    (tmp_path / "a").write_text("old")
    waited = held(1000, system)
    with pytest.raises(Unwritable, match="a cannot be written"), replacing(tmp_path / "a") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a").read_text() == "old" and left(tmp_path) == ["a"]
    assert sum(waited) == pytest.approx(seconds)


def test_a_file_in_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "a").touch()
    for path in (tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"):
        with pytest.raises(Unwritable, match="a file is where a folder is needed"), replacing(path):
            pass


def test_errors_about_other_files_are_not_taken_for_those_of_writing(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a"):
        (tmp_path / "elsewhere" / "picture.jpg").read_bytes()
    with pytest.raises(OSError, match="told by a program") as error, replacing(tmp_path / "a"):
        raise OSError("told by a program")
    assert not isinstance(error.value, InputError) and left(tmp_path) == []


def test_text_is_put_at_the_end_in_full_or_not_at_all(tmp_path):
    append(tmp_path / "log", "ä" * 40 + "\n")
    with room(100), pytest.raises(Unwritable, match=r"log cannot be written \(.*\); what was there is kept; free"):
        append(tmp_path / "log", "b" * 40)
    assert (tmp_path / "log").read_text() == "ä" * 40 + "\n"
    append(tmp_path / "log", "b\n")
    assert (tmp_path / "log").read_text() == "ä" * 40 + "\nb\n"


def test_sha256(tmp_path):
    content = bytes(3_000_000)
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_text_and_json_are_written_whole_or_not_at_all(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "één\nzwei")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "één\nzwei".encode()
    write_json(tmp_path / "a.json", {"a": [1]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [1]}
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "new" / "a.txt", "half\ud800")
    write_text(tmp_path / "b.txt", "half\ud800", errors="replace")
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"b": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [1]}
    assert (tmp_path / "new" / "a.txt").read_text("utf-8") == "één\nzwei"
    assert (tmp_path / "b.txt").read_text() == "half?"
    assert sorted(path.name for path in tmp_path.rglob("*.part")) == []
