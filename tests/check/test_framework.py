"""What every checker can rely on: the verdict, the hints, the progress, and a wary reading of answers."""

from collections import defaultdict
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
import torch

import fercourse as fc
from fercourse.check import answers, base
from fercourse.errors import InputError

HINTS = ("look at the sum", "divide by it", "start with votes.sum(1)")


def made(test=None, **options):
    def half(answer):
        """Return half of the input."""
        answers.expect(answers.tensor(answers.call(answer, torch.tensor([2.0, 4.0])), [2], dtype="float"),
                       [1, 2], {"that is twice the input.": [4, 8]}, "half of 2 is not that.")
        return "halves add up."
    return base.Checker("lesson09", "half", test or half, **{"minutes": 5, "difficulty": 2, "hints": HINTS} | options)


def verdict(answer):
    with pytest.raises(base.WrongAnswer) as wrong:
        made()(answer)
    return str(wrong.value)


@pytest.mark.parametrize("half", [
    lambda x: x @ torch.eye(2) / 2, lambda x: x @ torch.eye(2).double() / 2, lambda x: torch.einsum(
        "ij,j->i", torch.eye(2), x) / 2])
def test_a_function_may_use_tensors_of_its_own_in_either_precision(half):
    def test(answer):
        given = torch.tensor([2.0, 4.0]).double()
        answers.expect(answers.tensor(answers.call(answer, given), [2]), given / 2)
        assert given.dtype == torch.float64
    made(test)(half)


def test_an_error_that_is_not_about_precision_is_told_at_once():
    tries = []
    def fails(x):
        tries.append(x.dtype)
        raise ValueError("never")
    with pytest.raises(base.WrongAnswer, match="ValueError: never"):
        answers.call(fails, torch.ones(2).double())
    assert tries == [torch.float32]


@pytest.mark.parametrize("value", [
    [np.array(1), np.array(2)], [torch.tensor(1), 2], (np.float32(1), np.float64(2)), np.array([1, 2], np.uint16),
    [[torch.tensor([1]), torch.tensor([2])]], np.array([1, 2])[::-1][::-1], torch.tensor([1 + 1e-9j, 2])])
def test_numbers_are_read_from_whatever_holds_them(value):
    found = answers.tensor(value)
    assert found.flatten().tolist() == [1, 2] and not found.is_complex()
    if not found.is_floating_point():
        assert answers.tensor(value, dtype="int").dtype == torch.int64


def test_complex_numbers_are_no_answer():
    with pytest.raises(base.WrongAnswer, match=r"complex numbers; `torch\.view_as_real`"):
        answers.number(torch.tensor(1 + 2j))


def test_a_checker_may_ask_for_a_number_that_need_not_be_finite():
    assert np.isnan(answers.number(torch.tensor(torch.nan), finite=False))
    with pytest.raises(base.WrongAnswer, match="NaN or infinity"):
        answers.number(torch.tensor(torch.nan))
    with pytest.raises(base.WrongAnswer, match="None"):
        answers.number(None, finite=False)


def test_a_right_answer_is_told_and_remembered(capsys):
    one = made()
    one(lambda x: x / 2)
    assert capsys.readouterr().out == "Right · half: halves add up.\n"
    assert one.passed and one.tries == 1


def test_a_wrong_answer_fails_the_cell_and_names_the_mistake():
    text = verdict(lambda x: 2 * x)
    assert text == "Not yet · half: that is twice the input.\nStuck? fc.check.lesson09.half.hint()"
    assert verdict(lambda x: x + 7).startswith("Not yet · half: half of 2 is not that.")


def test_a_verdict_names_the_students_function_where_it_has_another_name_than_the_exercise():
    def my_half(x):
        return 2 * x
    assert verdict(my_half).startswith("Not yet · half (`my_half`): that is twice the input.")
    my_half.__name__ = "half"
    assert verdict(my_half).startswith("Not yet · half: that")


def test_notebooks_show_the_verdict_without_a_traceback():
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell()
    shell.push({"half": made()})
    shell.showtraceback = lambda *a, **k: None
    with pytest.raises(base.WrongAnswer) as wrong:
        shell.run_cell("half(lambda x: x)").raise_error()
    assert wrong.value._render_traceback_() == [str(wrong.value)]


@pytest.mark.parametrize(("answer", "told"), [
    (3, "wants the function itself, without parentheses, but got an int"),
    (None, "but got None"),
    (int, "wants the function itself"),
    (lambda: 0, "must take 1 input;"),
    (lambda x: None, "None. Is there a `return`"),
    (lambda x: "half", "a str; expected numbers"),
    (lambda x: [x, "y"], "cannot be read as numbers"),
    (lambda x: x[:1] / 2, "the shape [1]; expected [2]"),
    (lambda x: x > 2, "bool values; expected float"),
    (lambda x: x / 0 * 0, "NaN or infinity"),
    (lambda x: x.div_(2), "changes its inputs"),
    (lambda x: 1 / 0, "stops with ZeroDivisionError: division by zero"),
    (lambda x: exit(), "stops with SystemExit"),
])
def test_strange_answers_are_told_in_clear_words(answer, told):
    assert told in verdict(answer)


def test_a_stub_is_told_from_an_error():
    def stub(x):
        raise NotImplementedError()
    assert "not written yet" in verdict(stub)


@pytest.mark.parametrize("text", ["", "write this: the task is told above", "half is not written yet; stuck? …"])
def test_every_stub_of_the_student_edition_is_told_as_such(text):
    def stub(x):
        raise NotImplementedError(text)
    assert "it is not written yet: it raises NotImplementedError." in verdict(stub)


@pytest.mark.parametrize(("slip", "told"), [
    (lambda x: 1 - (x > 2), "Subtraction, the `-` operator"),
    (lambda x: x.long().softmax(0), "not implemented for 'Long'"),
    (lambda x: torch.bincount(x), "not implemented for 'Float'")])
def test_a_slip_that_torch_calls_not_implemented_is_no_stub(slip, told):
    found = verdict(slip)
    assert "your function stops with " in found and told in found and "not written" not in found


def test_arrays_lists_and_gradients_are_read_too():
    for answer in (lambda x: x.numpy() / 2, lambda x: (x / 2).tolist(), lambda x: (x / 2).requires_grad_()):
        made()(answer)


def scaled(z, by):
    return (z * by).square().mean()


@pytest.mark.parametrize("loss", [
    scaled, lambda z, by: [scaled(z, by)], lambda z, by: scaled(z.double(), by.double()),
    lambda z, by: sum(one @ one for one in z * by) / 4])
def test_a_loss_that_can_train_is_let_through_in_every_style(loss):
    z, by = torch.ones(2, 2).double(), torch.ones(2)
    answers.trains(loss, z, by, learnt={"z": 0, "by": 1})
    assert not z.requires_grad


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("loss", "told"), [
    (lambda z, by: scaled(z, by).item(), "cannot train at the end: no gradient reaches `z` and `by`. Stay"),
    (lambda z, by: torch.tensor(float(scaled(z, by))), "no gradient reaches `z` and `by`"),
    (torch.no_grad()(scaled), "no gradient reaches `z` and `by`"),
    (lambda z, by: (z.numpy() * by.numpy()).mean(), "no gradient reaches `z` and `by`. Stay"),
    (lambda z, by: scaled(z, by.detach()), "no gradient reaches `by`. Stay"),
    (lambda z, by: torch.where(z > 0, z, (z - z).sqrt() * by).mean(), "gradient of `z` is NaN or infinity"),
    (lambda z, by: (z * by).exp().mul_(0).mean(), "its gradient stops with RuntimeError"),
])
def test_a_loss_that_cannot_train_is_refused(loss, told):
    with pytest.raises(base.WrongAnswer) as wrong:
        answers.trains(loss, torch.ones(2, 2), torch.ones(2), learnt={"z": 0, "by": 1}, where="at the end")
    assert str(wrong.value).startswith("your value is right, but it cannot train at the end: ")
    assert told in str(wrong.value)


def test_what_was_right_so_far_is_told_before_what_is_not():
    with pytest.raises(base.WrongAnswer, match=r"^right, but for 0: your function stops with ZeroDiv"), \
            answers.told_after("right, but for 0"):
        answers.call(lambda x: 1 / x, 0)


def test_random_numbers_are_seeded_and_put_back():
    torch.manual_seed(5)
    drawn = [answers.call(lambda: torch.rand(3)) for _ in range(2)]
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(*drawn) and torch.equal(after, torch.rand(1))


def test_functions_that_may_write_get_the_input_itself():
    x = torch.ones(2)
    answers.call(lambda x: x.zero_(), x, may_change=True)
    assert x.sum() == 0


@pytest.mark.parametrize("pair", [
    (torch.tensor([1.0]), torch.tensor([2.0])), (np.ones(2), np.zeros(2)), ([1], [2]), ({"a": 1}, {"a": 2}), (1, 1.0),
])
def test_changed_inputs_are_seen(pair):
    assert answers.same(pair[0], pair[0]) and not answers.same(*pair)


@pytest.mark.parametrize(("value", "told"), [
    (float("nan"), "NaN"), ("3", "a str; expected a number"), (True, "a bool"), ([1, 2], "2 numbers"),
    (2, "between 0 and 1"),
])
def test_numbers_are_read_warily(value, told):
    with pytest.raises(base.WrongAnswer, match=told):
        answers.number(value, low=0, high=1)
    assert answers.number(torch.tensor([0.5]), low=0, high=1) == 0.5


def test_hints_say_more_each_time(capsys):
    one = made()
    for _ in range(4):
        one.hint()
    one.hint(1)
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if "Hint" in line] == [f"Hint {n} of 3: {HINTS[n - 1]}" for n in (1, 2, 3, 3, 1)]
    after = "Still stuck? The solved lesson, notebooks/09_….ipynb, shows one way."
    assert told[3:6:2] == [after, after] and len(told) == 7, "after the last hint alone"
    with pytest.raises(InputError, match="levels 1 to 3"):
        one.hint(4)


def test_about_tells_minutes_and_difficulty(capsys):
    made().about()
    assert capsys.readouterr().out == "half · 5 min · ●●○\nReturn half of the input.\n"


def test_an_exercise_without_three_hints_is_refused():
    with pytest.raises(InputError, match="3 hints"):
        made(hints=HINTS[:2])


def test_progress_of_a_lesson():
    one, other = made(), made()
    one(lambda x: x / 2)
    with pytest.raises(AssertionError):
        other(3)
    table = base.progress_table([one, other, made()])
    assert table.splitlines() == ["lesson09: 1 of 3", "  half  ●●○  right (1 try)", "  half  ●●○  not yet (1 try)",
                                  "  half  ●●○  open"]


def test_progress_tells_of_the_lessons_that_were_begun(capsys, monkeypatch):
    for one in (one for lesson in fc.check.lessons() for one in fc.check.checkers_of(getattr(fc.check, lesson))):
        monkeypatch.setattr(one, "tries", 0)
        monkeypatch.setattr(one, "passed", False)
    fc.check.progress()
    assert capsys.readouterr().out == "Nothing checked yet in this session.\n"
    with pytest.raises(base.WrongAnswer):
        fc.check.lesson02.masks(3)
    fc.check.progress()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["lesson02: 0 of 5", "  masks     ●●○  not yet (1 try)"] and len(lines) == 6


@pytest.mark.parametrize("lesson", fc.check.lessons())
def test_every_checker_is_tried_with_two_wrong_answers_and_has_hints_that_differ(lesson):
    tried, name = defaultdict(set), f"tests.check.test_{lesson}"
    assert find_spec(name), f"{lesson} has no tests/check/test_{lesson}.py with RIGHT and WRONG answers"
    for checker, _, told in import_module(name).WRONG:
        tried[checker.name].add(told)
    for one in fc.check.checkers_of(getattr(fc.check, lesson)):
        assert len(tried[one.name]) >= 2, one.name
        assert len(set(one.hints)) == 3 and one.minutes > 0, one.name


def test_an_unknown_lesson_is_an_attribute_error():
    with pytest.raises(AttributeError, match="lesson77"):
        _ = fc.check.lesson77
