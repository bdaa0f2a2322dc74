"""Every lesson's checkers accept what is right in several ways, name the mistakes people make, and tell stubs apart."""

from importlib import import_module
from importlib.util import find_spec

import pytest

from fercourse import check
from fercourse.check import Checker, WrongAnswer

LESSONS = [import_module(name) for lesson in check.lessons() if find_spec(name := f"tests.check.test_{lesson}")]
CHECKERS = [one for lesson in check.lessons() for one in check.checkers_of(getattr(check, lesson))]


def each(names, cases):
    """Try a test with every case; its name tells lesson and exercise."""
    return pytest.mark.parametrize(
        names, cases, ids=lambda value: f"{value.lesson}-{value.name}" if isinstance(value, Checker) else None)


def test_every_checker_is_given_right_and_wrong_answers():
    for cases in ("RIGHT", "WRONG"):
        tried = {case[0] for lesson in LESSONS for case in getattr(lesson, cases)}
        lacking = [f"{one.lesson}.{one.name}" for one in CHECKERS if one not in tried]
        assert not lacking, f"give them answers in {cases} of tests/check/test_lessonNN.py"


@each("checker, answer", [case for lesson in LESSONS for case in lesson.RIGHT])
def test_right_answers_pass(checker, answer, capsys):
    checker(answer)
    assert capsys.readouterr().out.startswith(f"Right · {checker.name}")


@each("checker, answer, told", [case for lesson in LESSONS for case in lesson.WRONG])
def test_mistakes_are_named(checker, answer, told):
    with pytest.raises(WrongAnswer, match=told):
        checker(answer)


@each("checker", [one for one in CHECKERS if one.name != "fear"])        # which takes a pose, not a function
def test_stubs_are_not_written_yet(checker):
    def stub(*inputs):
        raise NotImplementedError
    with pytest.raises(WrongAnswer, match="not written yet"):
        checker(stub)


@each("checker", CHECKERS)
def test_three_hints_and_a_task_do_not_hold_the_solution(checker, capsys):
    for level in (1, 2, 3):
        checker.hint(level)
    told = capsys.readouterr().out
    assert told.count("Hint") == 3 and "Hint 3 of 3" in told
    assert not any(code in told for code in ("return ", "F.cross_entropy(", "for c in range"))
    checker.about()
    assert capsys.readouterr().out.startswith(f"{checker.name} · ")
