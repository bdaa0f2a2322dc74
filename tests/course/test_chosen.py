"""Which file counts: archives as Moodle gives them, students with many files, and one lesson of several."""

import json
import os
import sys
from pathlib import Path

import nbformat
import pytest

from fercourse.course import again, chosen, submissions
from fercourse.errors import InputError

LESSONS = {"00": Path("00_faces.py"), "01": Path("01_baseline.py"), "02": Path("02_wscfer.py")}


def book(grade_id=None):
    about = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
    return json.dumps(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1", metadata=about)]))


def stripped(*sources):
    return json.dumps(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources]))


def hand_in(folder, **files):
    """Write a student's files, each newer than the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    for age, (name, text) in enumerate(files.items()):
        path = folder / f"{name.removeprefix('_')}.ipynb"
        path.write_text(text, encoding="utf-8")
        os.utime(path, (1000 + age, 1000 + age))


def chosen_of(folder, **how):
    """Return [(student, file, lesson)] and the lines told."""
    told = []
    found = chosen.choose(submissions.find(folder), LESSONS, told=told.append, **how)
    return [(one.student, one.path and one.path.name, lesson) for one, _, lesson, _ in found], told


def test_what_tells_its_lesson_comes_before_what_is_newer(tmp_path):
    hand_in(tmp_path / "ada", _02_wscfer=book("02-loss"), scratch=book(), Untitled="", _02_wscfer_1="{broken")
    found, told = chosen_of(tmp_path)
    assert found == [("ada", "02_wscfer.ipynb", "02")]
    assert len(told) == 1 and told[0].startswith("ada: set aside 02_wscfer_1.ipynb (not a notebook")
    assert "scratch.ipynb (tells no lesson)" in told[0] and "Untitled.ipynb (not a notebook" in told[0]


def test_a_name_will_do_and_a_file_that_can_be_read_comes_first(tmp_path):
    hand_in(tmp_path / "ada", _02_wscfer=book(), _02_wscfer_1="{broken")
    hand_in(tmp_path / "bob", work=book(), later="")
    assert chosen_of(tmp_path)[0] == [("ada", "02_wscfer.ipynb", "02"), ("bob", "work.ipynb", "02")]


def test_of_equals_the_newest_counts(tmp_path):
    hand_in(tmp_path / "ada", old=book("02-loss"), newer=book("02-loss"), _01_baseline=book("01-loss"),
            _02_notes=book())
    found, told = chosen_of(tmp_path)
    assert found == [("ada", "01_baseline.ipynb", "01"), ("ada", "newer.ipynb", "02")]
    assert told == ["ada: set aside 02_notes.ipynb (newer than newer.ipynb, but its cells do not tell the lesson), "
                    "old.ipynb (older than newer.ipynb)"]


def test_a_newer_file_that_lost_its_names_counts_if_its_checkers_tell_the_lesson(tmp_path):
    hand_in(tmp_path / "ada", _02_wscfer=book("02-loss"), last=stripped("fc.check.lesson02.loss(f)"),
            final=stripped("fc.check.lesson02.masks(f)", "fc.check.lesson02.loss(f)"))
    found, told = chosen_of(tmp_path)
    assert found == [("ada", "final.ipynb", "02")]
    assert told == ["ada: set aside 02_wscfer.ipynb (older than final.ipynb), last.ipynb (tells no lesson)"]


def test_one_lesson_of_several_leaves_the_others_aside(tmp_path):
    hand_in(tmp_path / "ada", _02_wscfer=book("02-loss"), _01_baseline=book("01-loss"))
    hand_in(tmp_path / "bob", _01_baseline=book())
    hand_in(tmp_path / "cem", work=book())
    (tmp_path / "dan").mkdir()
    found, told = chosen_of(tmp_path, lesson="02")
    assert found == [("ada", "02_wscfer.ipynb", "02"), ("cem", "work.ipynb", "02"), ("dan", None, "02"),
                     ("bob", "01_baseline.ipynb", "02")]
    assert rows(tmp_path, lesson="02")["bob"] == "handed in lesson 01, and nothing for lesson 02"
    assert told == ["ada: set aside 01_baseline.ipynb (lesson 01)", "bob: set aside 01_baseline.ipynb (lesson 01)"]
    with pytest.raises(InputError, match="nobody handed in lesson 00"):
        (tmp_path / "cem" / "work.ipynb").unlink()           # nobody, and files that say nothing, are no lesson 00
        chosen_of(tmp_path, lesson="00")


@pytest.mark.parametrize("name", ["2", "02", "02_wscfer"])
def test_a_lesson_has_three_names(name):
    assert chosen.number_of(name, LESSONS) == "02" and chosen.number_of("0", LESSONS) == "00"


@pytest.mark.parametrize("name", ["", "8", "2_wscfer", "002", "wscfer"])
def test_other_names_are_told(name):
    with pytest.raises(InputError, match="expected one of 00_faces, 01_baseline, 02_wscfer"):
        chosen.number_of(name, LESSONS)


def test_moodles_archive_may_lie_in_a_folder_of_its_own(tmp_path):
    archive = tmp_path / "MLCourse-Assignment 2-4711"
    hand_in(archive / "Stud 0_100_assignsubmission_file_", _02_wscfer=book())
    hand_in(archive / "Stud 1_101_assignsubmission_file", _02_wscfer=book())
    assert [(one.student, one.ident) for one in submissions.find(tmp_path)] == [("Stud 0", "100"), ("Stud 1", "101")]


def test_text_written_online_is_nobody_of_its_own(tmp_path):
    hand_in(tmp_path / "Bo Lee_12_assignsubmission_file_", _02_wscfer=book())
    for whose in ("Bo Lee_12", "Kim_13"):
        (tmp_path / f"{whose}_assignsubmission_onlinetext_").mkdir()
        (tmp_path / f"{whose}_assignsubmission_onlinetext_" / "onlinetext.html").touch()
    found = [(one.student, one.ident, one.path and one.path.name) for one in submissions.find(tmp_path)]
    assert found == [("Bo Lee", "12", "02_wscfer.ipynb"), ("Kim", "13", "onlinetext.html")]


def rows(folder, **how):
    """Return {student: what is wrong with the file that counts}."""
    return {one.student: problem for one, _, _, problem in chosen.choose(submissions.find(folder), LESSONS, **how)}


def test_nobody_disappears_whatever_the_files_are_called(tmp_path):
    for name in ("lee_1_2_02_x.ipynb", "kim_LATE_3_4_02_x.ipynb.txt", "ann_5_6_02_X.IPYNB", "cem_7_8_02_x.ipynb.json"):
        (tmp_path / name).write_text(book())
    for name in ("nov_9_10_02_x.zip", "sil_11_12_02_x.html", "grades.csv", "written.html", "desktop.ini"):
        (tmp_path / name).touch()
    (tmp_path / "feedback").mkdir()
    (tmp_path / "zoe").mkdir()
    (tmp_path / "zoe" / "02_x.zip").touch()
    assert rows(tmp_path) == dict.fromkeys(["lee", "kim", "ann", "cem"], "") | {
        "nov": "handed in nov_9_10_02_x.zip, which is damaged; hand it in again",
        "zoe": "handed in 02_x.zip, which is damaged; hand it in again",
        "sil": "handed in sil_11_12_02_x.html, which is no notebook"}


def test_a_notebook_counts_before_another_file(tmp_path):
    hand_in(tmp_path, lee_1_2_02_x=book())
    (tmp_path / "lee_1_3_02_x.zip").touch()
    assert rows(tmp_path) == {"lee": ""}


def test_a_folder_without_notebooks_names_what_is_there(tmp_path):
    for name in "abcd":
        (tmp_path / f"{name}_1_2_x.zip").touch()
    with pytest.raises(InputError, match=r"no notebooks, but a_1_2_x\.zip, .* and others; unpack archives first"):
        submissions.find(tmp_path)


def test_canvas_files_may_lie_in_a_folder_of_their_own(tmp_path):
    hand_in(tmp_path / "submissions", lee_1_2_02_x=book(), kim_LATE_3_4_02_x=book())
    assert rows(tmp_path) == {"lee": "", "kim": ""}


def test_a_group_is_not_taken_for_one_student(tmp_path):
    hand_in(tmp_path / "groupA" / "anna", _02_x=book())
    assert rows(tmp_path) == {"groupA": ""}
    hand_in(tmp_path / "groupA" / "bob", _02_x=book())
    with pytest.raises(InputError, match="groupA holds folders anna, bob: is it one student"):
        submissions.find(tmp_path)


@pytest.mark.parametrize(("place", "names"), [
    (".", ("lesson-01-anna", "lesson-01-ben")), ("Tuesday", ("student1", "student2")),
    ("Lesson 01/Abgaben", ("anna", "ben"))])
def test_a_class_is_not_taken_for_one_student_however_deep_it_lies(tmp_path, place, names):
    for name in names:
        hand_in(tmp_path / "in" / place / name, _02_x=book())
    folder = tmp_path if place == "." else tmp_path / "in"
    with pytest.raises(InputError, match=f"holds folders {', '.join(names)}: is it one student"):
        submissions.find(folder)


@pytest.mark.parametrize(("student", "one", "two"), [
    ("anna", "lesson 1", "02_wscfer"), ("Anna Lee_12_assignsubmission_file_", "mine", "copy")])
def test_a_student_may_have_several_folders(tmp_path, student, one, two):
    hand_in(tmp_path / student / one, _01_x=book())
    hand_in(tmp_path / student / two, _02_x=book())
    assert len(submissions.find(tmp_path)) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_no_utf_8_can_be_printed(tmp_path):
    hand_in(tmp_path / os.fsdecode(b"M\xfcller"), _02_x=book())
    hand_in(tmp_path / os.fsdecode(b"\x81"), _02_x=book())
    (tmp_path / os.fsdecode(b"J\xf6rg_1_2_02_x.zip")).touch()
    assert rows(tmp_path) == {
        "Müller": "", "?": "", "Jörg": "handed in Jörg_1_2_02_x.zip, which is damaged; hand it in again"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_every_encoding_of_json_is_read(tmp_path, encoding):
    (tmp_path / "a_02_x.ipynb").write_bytes(book().encode(encoding))
    assert rows(tmp_path) == {"a": ""}


def test_half_an_emoji_can_be_written_again(tmp_path):
    (tmp_path / "a_02_x.ipynb").write_text(book().replace("x = 1", r"\ud83d \ud83d\ude00"))
    read = submissions.read(submissions.find(tmp_path)[0])
    assert read.cells[0].source == "\ufffd \U0001f600"


@pytest.mark.parametrize(("text", "words"), [("", "empty; hand it in again"), ("{", "cut off or damaged; hand it in")])
def test_students_are_told_what_to_do(tmp_path, text, words):
    (tmp_path / "a_02_x.ipynb").write_text(text)
    assert words in rows(tmp_path)["a"]


@pytest.mark.parametrize("call", ["open", "iterdir"])
def test_what_we_cannot_read_is_not_the_students_fault(tmp_path, monkeypatch, call):
    hand_in(tmp_path / "ann", _02_x=book())
    real = getattr(Path, call)

    def refusing(path, *args, **kwargs):
        if path.name == ("02_x.ipynb" if call == "open" else "ann"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)
    monkeypatch.setattr(Path, call, refusing)
    with pytest.raises(InputError, match=r"ann.* cannot be read \(Permission denied"):
        submissions.find(tmp_path)


def test_moodles_number_is_not_a_lesson():
    name = Path("Anna Lee_12_assignsubmission_file_00_faces.ipynb")
    assert submissions.lesson_of(None, name, {"00", "12"}) == "00"


def test_what_canvas_says_of_links_and_texts_is_the_student_s(tmp_path):
    for name in ("doejane_1234_link.html", "poe_LATE_12_text.html", "lee_9_10_grades.csv"):
        (tmp_path / name).touch()
    (tmp_path / "kim_1_2_02_x.ipynb").write_text(book())
    found = {(one.student, one.ident) for one in submissions.find(tmp_path)}
    assert found == {("doejane", "1234"), ("poe", "12"), ("lee", "9"), ("kim", "1")}


def test_letters_with_accents_are_one_however_they_are_written(tmp_path):
    hand_in(tmp_path / "Jose\u0301", _02_x=book())
    assert [one.student for one in again.only(submissions.find(tmp_path), ["JOSÉ"])] == ["José"]
    (tmp_path / "a\x1b[2Jb\u202ec").mkdir()
    assert "a?[2Jb?c" in {one.student for one in submissions.find(tmp_path)}


def test_pages_of_an_earlier_grading_are_nobody(tmp_path):
    (tmp_path / "feedback").mkdir()
    (tmp_path / "feedback" / "lee-02.html").touch()
    hand_in(tmp_path / "lee", _02_x=book())
    assert rows(tmp_path) == {"lee": ""}
    hand_in(tmp_path / "feedback", _02_x=book())             # somebody's nickname
    assert rows(tmp_path) == {"lee": "", "feedback": ""}


def test_a_number_that_several_share_is_nobody_s(tmp_path):
    for name in ("anna_2024_07_02_x", "ben_2024_08_02_x", "cem_17_08_02_x"):
        (tmp_path / f"{name}.ipynb").write_text(book())
    found = [(one.student, one.ident) for one in submissions.find(tmp_path)]
    assert found == [("anna", ""), ("ben", ""), ("cem", "17")]


def test_a_student_among_students_cannot_hand_in_for_others(tmp_path):
    for folder, names in {"ann": ["02_wscfer.ipynb"],
                          "mallory": ["ann_7_1_02_wscfer.ipynb", "ben_8_1_02_wscfer.ipynb"]}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text("{}")
    with pytest.raises(InputError, match="mallory holds files of several students, and folders of others stand beside"):
        submissions.find(tmp_path)
    (tmp_path / "ann" / "02_wscfer.ipynb").unlink()
    assert {(one.student, one.ident) for one in submissions.find(tmp_path)} == {("ann", "7"), ("ben", "8")}
