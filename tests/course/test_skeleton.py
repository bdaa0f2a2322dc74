"""A lesson that has just begun is in order: what a lesson must have is in its skeleton."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest

import fercourse as fc
from fercourse import check
from fercourse.check import WrongAnswer
from fercourse.course import lint, notebooks, release
from fercourse.course.skeleton import begin
from fercourse.errors import InputError


def loaded(name, path):
    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """Return the paths of a lesson that has just begun, its checkers imported as those of a lesson are."""
    for name in ("fercourse.check.lesson98", "tests.check.test_lesson98"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "notebooks").mkdir()
    for ending in ("py", "ipynb"):
        (tmp_path / "notebooks" / f"01_baseline.{ending}").touch()
    monkeypatch.setattr(check, "lesson98", None, raising=False)
    paths = begin("98_pose", tmp_path)
    check.lesson98 = loaded("fercourse.check.lesson98", paths[1])
    return paths


def test_a_new_lesson_has_all_that_is_asked_for(begun):
    source, book = begun[0], notebooks.regenerate(begun[0])
    for part in (lint.exercises, lint.story, lint.links, lint.unbacked):
        assert [*part(book, source)] == []
    assert not any(re.search("__[A-Z]+__", path.read_text("utf-8")) for path in begun)


def test_its_answers_are_those_that_its_checkers_ask_for(begun, capsys):
    answers = loaded("tests.check.test_lesson98", begun[2])
    for checker, answer in answers.RIGHT:
        checker(answer)
    for checker, answer, told in answers.WRONG:
        with pytest.raises(WrongAnswer, match=told):
            checker(answer)
    solved = {"fc": fc}
    for cell in notebooks.regenerate(begun[0]).cells:
        if cell.cell_type == "code" and notebooks.grade_id(cell):
            exec(cell.source, solved)
    assert capsys.readouterr().out.count("Right · ") == 6


def test_its_student_edition_gives_nothing_away(begun):
    pytest.importorskip("nbgrader")
    assert release.leaks(begun[0], release.student(begun[0])) == []


@pytest.mark.parametrize(("name", "words"), [
    ("8_pose", "'8_pose' is no name of a lesson; expected two digits and a word, such as 08_pose"),
    ("98-pose", "is no name of a lesson"),
    ("98_gaze", "98_pose.py is there already; expected a number that no lesson has"),
    ("01_pose", "01_baseline.py is there already"),
])
def test_a_name_that_is_none_or_taken_writes_nothing(name, words, begun, tmp_path):
    with pytest.raises(InputError, match=words):
        begin(name, tmp_path)
    assert len([*tmp_path.rglob("*.py")]) == 4
