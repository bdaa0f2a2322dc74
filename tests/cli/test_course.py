"""`fercourse course …` from the command line."""

import json

import pytest

from fercourse.course import doctor, links, release
from fercourse.course.notebooks import ROOT

from ..line import call


def test_release_check_says_what_is_wrong(monkeypatch, capsys):
    monkeypatch.setattr(release, "problems", lambda source: [])
    assert call("course", "release", "00", "--check") == 0 and "up to date" in capsys.readouterr().out
    monkeypatch.setattr(release, "problems", lambda source: [f"{source.stem} leaks"])
    assert call("course", "release", "00", "--check") == 1 and capsys.readouterr().err == "00_faces leaks\n"


def test_release_without_nbgrader_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "nbgrader", None)
    assert call("course", "release", "00") == 2 and 'pip install -e ".[instructor]"' in capsys.readouterr().err


def test_links_prints_what_it_changed(monkeypatch, capsys):
    monkeypatch.setattr(links, "relink", lambda repository, branch: [f"{repository} {branch}"])
    assert call("course", "links", "--repository", "R", "--branch", "B") == 0 and capsys.readouterr().out == "R B\n"
    monkeypatch.setattr(links, "relink", lambda repository, branch: [])
    assert call("course", "links", "--repository", "R") == 0 and "nothing changed" in capsys.readouterr().out


def test_release_takes_a_lessons_number_as_grading_does(monkeypatch, capsys):
    monkeypatch.setattr(release, "problems", lambda source: [source.stem])
    assert call("course", "release", "2", "--check") == 1 and capsys.readouterr().err == "02_wscfer\n"


@pytest.mark.parametrize("words", [("--timeout", 0), ("--timeout", -5), ("--cell-timeout", 0), ("--memory", 0),
                                   ("--memory", "inf"), ("--jobs", 0), ("--jobs", -3)])
def test_limits_that_make_no_sense_are_refused(words, capsys, tmp_path):
    assert call("course", "grade", tmp_path, *words) == 2 and f"value for '{words[0]}'" in capsys.readouterr().err


def test_an_archive_is_to_be_unpacked(capsys, tmp_path):
    (tmp_path / "all.ZIP").touch()
    assert call("course", "grade", tmp_path / "all.ZIP") == 2 and "unpack it first" in capsys.readouterr().err


def test_git_leaves_grades_alone():
    assert {"grades*.csv", "moodle*.csv", "canvas*.csv", "feedback/", "written.html"} <= set(
        (ROOT / ".gitignore").read_text("utf-8").splitlines())


@pytest.mark.parametrize("words", [("grade", "nowhere"), ("grade", "tests", "--columns", "excel"),
                                   ("links", "--repository", "a/b"), ("release", "99")])
def test_bad_input_is_one_sentence_and_status_2(words, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(ROOT)
    assert call("course", *words) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("fercourse: ")


def test_doctor_leaves_with_1_if_something_is_wrong(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Finding("python", doctor.WRONG, "2.7", "use 3.12")])
    assert call("course", "doctor") == 1 and "-> use 3.12" in capsys.readouterr().out
    assert call("course", "doctor", "--json") == 1 and json.loads(capsys.readouterr().out)[0]["fix"] == "use 3.12"
