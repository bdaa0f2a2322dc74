"""Hints go from where to look to what to write first, and none of them, tried as an answer, is right."""

import ast
import contextlib
import math
import re
from importlib import import_module
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from fercourse import check
from fercourse.check import WrongAnswer

INPUTS = {
    "lesson00": {"majority": "votes", "spoil": "labels, rate, classes", "neighbours": "points, groups, count"},
    "lesson01": {"cross_entropy": "logits, labels", "recalls": "predicted, labels, count",
                 "neighbours": "train, labels, test, count", "wrong_labels": "labels, classes, rate, seed"},
    "lesson02": {"masks": "labels, faces", "contrast": "z, positive, kept, temperature",
                 "hardest": "cosines, temperature", "harm": "positive, kept, truth", "agree": "first, second"},
    "lesson03": {"masked_error": "rebuilt, images, hidden", "easy_faces": "losses, labels, shares",
                 "vote": "hard, easy, labels, classes, count", "noise_found": "flagged, wrong"},
    "lesson04": {"centre": "heat", "lay_on": "shapes, mean", "enqueue": "queue, rows, keys, index, start",
                 "near": "queries, queue, neighbours, negatives, temperature"},
    "lesson05": {"pull": "features, labels, centres", "margin": "centres, wanted", "reverse": "x, strength",
                 "believe": "shares, share"},
    "lesson06": {"retrieve": "images, texts, scale", "concordance": "guess, truth", "beyond": "features, label",
                 "club": "mean, log_variance, y"},
    "lesson07": {"likeness": "x, y", "gain": "ours, theirs", "mean_ranks": "scores",
                 "margin_logits": "cosines, labels, margin, scale"},
}
CHECKERS = [(lesson, name) for lesson, names in INPUTS.items() for name in names]
NOT_TRIED = {("lesson00", "fear")}                           # takes a pose, not a function


def checker_of(lesson, name):
    return getattr(import_module(f"fercourse.check.{lesson}"), name)


def test_every_checker_is_tried():
    there = {(one.lesson, one.name) for lesson in check.lessons() for one in check.checkers_of(getattr(check, lesson))}
    assert there - NOT_TRIED == {*CHECKERS}, "name in INPUTS what each checker's function takes"


@pytest.mark.parametrize("lesson, name", CHECKERS)
def test_no_code_in_a_hint_is_the_answer(lesson, name):
    checker = checker_of(lesson, name)
    for code in re.findall("`([^`]+)`", " ".join(checker.hints)):
        code = re.sub(r"^\w+(, \w+)* = ", "", code)          # what is on the right of `=` may be the answer, too
        with contextlib.suppress(SyntaxError):
            answer = eval(f"lambda {INPUTS[lesson][name]}: ({code})", {"torch": torch, "F": F, "math": math})
            with pytest.raises(WrongAnswer):
                checker(answer)


@pytest.mark.parametrize("lesson, name", [*CHECKERS, *NOT_TRIED])
def test_the_last_hint_says_what_to_begin_with_and_ends_with_what_is_left_to_find_out(lesson, name):
    last = checker_of(lesson, name).hints[2]
    assert last.startswith("Begin with") and "?" in last.rpartition(". ")[2]


def calls(code):
    """Return the calls in a piece of code that are worth copying, whatever its names are."""
    found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    for text in (ast.dump(call) for call in found if sum(1 for _ in ast.walk(call)) >= 12):
        names = {name: f"name{n}" for n, name in enumerate(dict.fromkeys(re.findall(r"id='(\w+)'", text)))}
        if len(names) > 1:
            yield re.sub(r"id='(\w+)'", lambda one, names=names: names[one[1]], text)


@pytest.mark.parametrize("lesson", ["02_wscfer", "03_dr_fer"])
def test_no_cell_outside_a_solution_computes_it_in_the_same_way(lesson):
    text = (Path(__file__).parents[2] / "notebooks" / f"{lesson}.py").read_text(encoding="utf-8")
    solved, rest = set(), set()
    for head, code in re.findall(r"^# %%([^\n]*)\n(.*?)(?=^# %%|\Z)", text, re.DOTALL | re.MULTILINE):
        if "[markdown]" not in head:
            (solved if '"solution": true' in head else rest).update(calls(code))
    assert solved and not solved & rest
