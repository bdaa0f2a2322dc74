"""Notebooks that students hand in within a zip."""

import io
import zipfile

import pytest

from fercourse.course import chosen, submissions, zipped
from fercourse.errors import InputError
from tests.course.test_chosen import LESSONS, book, rows


def pack(path, members, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **how) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def counted(folder, **how):
    """Return {student: (name of the file that counts, its lesson, what is wrong with it)}."""
    return {one.student: (one.name, lesson, problem) for one, _, lesson, problem in chosen.choose(
        submissions.find(folder), LESSONS, **how)}


def test_the_notebook_within_a_zip_is_the_one_that_counts(tmp_path):
    pack(tmp_path / "Ann Lee_12_assignsubmission_file_" / "work.zip",
         {"work/02_wscfer.ipynb": book(), "work/.ipynb_checkpoints/02_wscfer-checkpoint.ipynb": "{",
          "__MACOSX/work/._02_wscfer.ipynb": "{", "work/picture.png": "x"})
    pack(tmp_path / "zoe" / "02_wscfer.ZIP", {"mine.ipynb": book()})
    (tmp_path / "zoe" / "answers.pdf").touch()
    assert counted(tmp_path) == {"Ann Lee": ("work.zip: work/02_wscfer.ipynb", "02", ""),
                                 "zoe": ("02_wscfer.ZIP: mine.ipynb", "02", "")}
    read = submissions.read(submissions.find(tmp_path)[0])
    assert read.cells and {path.name for path in (tmp_path / "zoe").iterdir()} == {"02_wscfer.ZIP", "answers.pdf"}


def test_canvas_files_may_be_zips(tmp_path):
    pack(tmp_path / "lee_LATE_1_2_work.zip", {"01_x.ipynb": book("01"), "02_x.ipynb": book("02")})
    assert counted(tmp_path, lesson="02") == {"lee": ("lee_LATE_1_2_work.zip: 02_x.ipynb", "02", "")}


def test_a_notebook_beside_a_zip_counts(tmp_path):
    pack(tmp_path / "zoe" / "old.zip", {"02_x.ipynb": "{"})
    (tmp_path / "zoe" / "02_x.ipynb").write_text(book())
    assert counted(tmp_path) == {"zoe": ("02_x.ipynb", "02", "")}


def test_the_archive_of_a_whole_class_is_not_taken_for_a_student(tmp_path):
    pack(tmp_path / "Course-Assignment 2-4711.zip", {"Ann_1_assignsubmission_file_/02_x.ipynb": book()})
    pack(tmp_path / "zoe" / "02_x.zip", {"02_x.ipynb": book()})
    assert rows(tmp_path)["Course-Assignment 2-4711"].endswith("unpack it into a folder named after the student")


def locked(path):
    """Set the bit that says a member is encrypted, where the zip's list says it."""
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    raw[6] |= 1
    path.write_bytes(bytes(raw))


def truncated(path):
    path.write_bytes(path.read_bytes()[:60])


def scrambled(path):
    raw = path.read_bytes()
    path.write_bytes(raw[:60] + bytes(40) + raw[100:])


@pytest.mark.parametrize(("members", "spoil", "words"), [
    ({"a.py": "x"}, None, "holds no notebook"), ({}, None, "holds no notebook"),
    ({f"{i}.ipynb": "" for i in range(zipped.MOST_BOOKS + 1)}, None, "holds more than 200 notebooks"),
    ({"02_x.ipynb": None}, locked, "is locked with a password"),
    ({"02_x.ipynb": None}, truncated, "is damaged; hand it in again"),
    ({"02_x.ipynb": None}, scrambled, "is damaged; hand it in again")])
def test_a_zip_without_a_notebook_that_can_be_read_is_told(tmp_path, members, spoil, words):
    (tmp_path / "kim").mkdir()
    (tmp_path / "kim" / "02_x.ipynb").write_text(book())
    path = pack(tmp_path / "zoe" / "02_x.zip", {name: text or book() for name, text in members.items()})
    if spoil:
        spoil(path)
    assert rows(tmp_path) == {"kim": "", "zoe": f"handed in 02_x.zip, which {words}"}


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    (tmp_path / "kim").mkdir()
    (tmp_path / "kim" / "02_x.ipynb").write_text(book())
    path = pack(tmp_path / "zoe" / "02_x.zip", {f"0{i}_x.ipynb": bytes(600 << 10) for i in range(2)})
    monkeypatch.setattr(submissions, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: 1 / 0)
    assert path.stat().st_size < 1 << 20
    assert rows(tmp_path) == {"kim": "", "zoe": "handed in 02_x.zip, which holds notebooks of more than 1 MiB"}
    monkeypatch.setattr(submissions, "MOST_BYTES", 1000)
    assert rows(tmp_path)["zoe"] == "handed in 02_x.zip, which is larger than 0 MiB"


def test_a_header_that_tells_less_than_there_is_is_believed(tmp_path):
    path = pack(tmp_path / "x.zip", {"02_x.ipynb": "x" * 5000})
    raw = path.read_bytes()
    path.write_bytes(raw.replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(InputError, match="is damaged"):
        zipped.read(path, "02_x.ipynb")


def test_what_is_in_a_zip_may_itself_be_no_notebook(tmp_path):
    pack(tmp_path / "zoe" / "02_x.zip", {"02_x.ipynb": "{"})
    assert rows(tmp_path) == {"zoe": "not a notebook: cut off or damaged; hand it in again"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as inner:
        inner.writestr("02_x.ipynb", book())
    pack(tmp_path / "zoe" / "02_x.zip", {"inner.zip": buffer.getvalue()})
    (tmp_path / "kim").mkdir()
    (tmp_path / "kim" / "02_x.ipynb").write_text(book())
    assert rows(tmp_path)["zoe"].endswith("which holds no notebook")


def test_windows_paths_hide_what_is_hidden(tmp_path):
    pack(tmp_path / "zoe" / "w.zip", {r"w\.ipynb_checkpoints\02_x-copy.ipynb": "{", r"w\02_x.ipynb": book("02-x")})
    assert counted(tmp_path)["zoe"][0].endswith(r"w\02_x.ipynb")


def test_of_equals_within_a_zip_the_newest_counts(tmp_path):
    (tmp_path / "zoe").mkdir()
    with zipfile.ZipFile(tmp_path / "zoe" / "w.zip", "w") as file:
        for name, day in (("02_x (1).ipynb", 1), ("02_x.ipynb", 3), ("02_x (2).ipynb", 2)):
            file.writestr(zipfile.ZipInfo(name, (2026, 1, day, 0, 0, 0)), book("02-x"))
    assert counted(tmp_path)["zoe"][0] == "w.zip: 02_x.ipynb"


def test_a_zip_beside_a_notebook_of_another_lesson_is_seen(tmp_path):
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "01_x.ipynb").write_text(book("01-x"))
    pack(tmp_path / "bob" / "02_x.zip", {"02_x.ipynb": book("02-x")})
    (tmp_path / "cem").mkdir()
    (tmp_path / "cem" / "01_x.ipynb").write_text(book("01-x"))
    (tmp_path / "cem" / "02_wscfer_report.pdf").touch()
    assert counted(tmp_path, lesson="02") == {
        "bob": ("02_x.zip: 02_x.ipynb", "02", ""),
        "cem": ("02_wscfer_report.pdf", "02", "handed in 02_wscfer_report.pdf, which is no notebook")}


def test_a_group_that_hands_in_zips_is_a_group(tmp_path):
    for who in ("anna", "bob"):
        pack(tmp_path / "groupA" / who / "x.zip", {"02_x.ipynb": book()})
    with pytest.raises(InputError, match="groupA holds folders anna, bob"):
        submissions.find(tmp_path)
