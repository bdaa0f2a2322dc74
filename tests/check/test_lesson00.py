"""Lesson 00: every checker passes the solution, fails the stub, and names typical mistakes."""

import math

import pytest
import torch

from fercourse.check import lesson00
from fercourse.check.base import WrongAnswer

FEAR = {"browInnerUp": 1.2, "browDown": 0.4, "eyeWide": 1.0, "mouthStretch": 1.0, "jawOpen": 0.2}
SURPRISED = {"browInnerUp": 1.1, "browOuterUp": 1.3, "eyeWide": 1.0, "jawOpen": 0.2, "mouthFunnel": 0.3,
             "browDown": 0.5, "mouthStretch": 0.5}
AS_HINTED = SURPRISED | {"browOuterUp": 0.4, "mouthFunnel": 0, "mouthStretch": 1.0, "browDown": 0.7}


def majority(votes):
    kept = torch.where(votes > 1, votes, 0)
    top, label = kept.max(1)
    return torch.where(2 * top > kept.sum(1), label, -1)


def spoil(labels, rate, classes):
    rows = torch.randperm(len(labels))[:round(rate * len(labels))]
    wrong = labels.clone()
    wrong[rows] = (labels[rows] + torch.randint(1, classes, (len(rows),))) % classes
    return wrong


def from_the_end(labels, rate, classes):
    """Right but for a rate of 0, where `[-0:]` is everything."""
    rows = torch.randperm(len(labels))[-round(rate * len(labels)):]
    wrong = labels.clone()
    wrong[rows] = (labels[rows] + torch.randint(1, classes, (len(rows),))) % classes
    return wrong


def neighbours(points, groups, count):
    rows = torch.cdist(points, points).fill_diagonal_(torch.inf).topk(count, largest=False).indices
    return (groups[rows] == groups[:, None]).float().mean().item()


def stub(*_):
    raise NotImplementedError


def in_place(votes):
    votes[votes == 1] = 0
    return majority(votes)


def coins(labels, rate, classes):
    step = torch.randint(1, classes, labels.shape)
    return torch.where(torch.rand(len(labels)) < rate, (labels + step) % classes, labels)


def own_class_again(labels, rate, classes):
    wrong = labels.clone()
    rows = torch.randperm(len(labels))[:round(rate * len(labels))]
    wrong[rows] = torch.randint(0, classes, (len(rows),))
    return wrong


def drawn_twice(labels, rate, classes):
    wrong, rows = labels.clone(), torch.randint(len(labels), (round(rate * len(labels)),))
    wrong[rows] = (labels[rows] + torch.randint(1, classes, (len(rows),))) % classes
    return wrong


def one_step(labels, rate, classes):
    wrong = labels.clone()
    rows = torch.randperm(len(labels))[:round(rate * len(labels))]
    wrong[rows] = (wrong[rows] + 1) % classes
    return wrong


def written_in(labels, rate, classes, steps=7, above=7):
    wrong, rows = labels.clone(), torch.randperm(len(labels))[:round(rate * len(labels))]
    wrong[rows] = (labels[rows] + torch.randint(1, steps, (len(rows),))) % above
    return wrong


def always_420(labels, rate, classes):
    return spoil(labels, 420 / len(labels) if rate else 0, classes)


def rounded_by(whole):
    return lambda labels, rate, classes: spoil(labels, whole(rate * len(labels)) / len(labels), classes)


def first_rows(labels, rate, classes):
    count = round(rate * len(labels))
    return torch.cat([(labels[:count] + torch.randint(1, classes, (count,))) % classes, labels[count:]])


def uneven(labels, rate, classes):
    """The next class comes twice as often as any other."""
    wrong, rows = labels.clone(), torch.randperm(len(labels))[:round(rate * len(labels))]
    drawn = torch.randint(0, classes, (len(rows),))
    wrong[rows] = torch.where(drawn == labels[rows], (drawn + 1) % classes, drawn)
    return wrong


def at_least_half(votes):
    kept = torch.where(votes > 1, votes, 0)
    top, label = kept.max(1)
    return torch.where(2 * top >= kept.sum(1), label, -1)


def with_itself(points, groups, count, largest=False):
    apart = torch.cdist(points, points)
    rows = (apart.fill_diagonal_(torch.inf) if largest else apart).topk(count, largest=largest).indices
    return (groups[rows] == groups[:, None]).float().mean()


@pytest.mark.parametrize(("name", "answer"), [("fear", FEAR), ("fear", AS_HINTED), ("fear", FEAR | {"jawOpen": 0.6}),
                                              ("majority", majority), ("spoil", spoil), ("neighbours", neighbours)])
def test_the_solution_passes(name, answer, capsys):
    getattr(lesson00, name)(answer)
    assert capsys.readouterr().out.startswith(f"Right · {name}")


@pytest.mark.parametrize(("name", "answer", "told"), [
    ("fear", stub, "a pose is a dict"),
    ("fear", {"browInnerUp": 1.1, "browOuterUp": 1.3, "eyeWide": 1.0, "jawOpen": 0.7}, "hardly drawn together"),
    ("fear", FEAR | {"mouthStretch": 0}, "hardly pulled sideways"),
    ("fear", FEAR | {"jawOpen": 0.9}, "nobody sees the lips"),
    ("fear", FEAR | {"jawOpen": 0.61}, "nobody sees the lips"),
    ("fear", FEAR | {"mouthSmile": 1.0}, "smile"),
    ("fear", {"browDown": 1.0}, "hardly rise"),
    ("fear", {"browInnerUp": 1.1, "eyeWide": 1.0, "mouthStretch": 1.0}, "hardly drawn together"),
    ("fear", SURPRISED, "reads it as surprise"),
    ("fear", {"browInnerUp": 0.6, "browDown": 1.5, "eyeWide": 0.6, "mouthStretch": 0.5, "noseSneer": 1.0,
              "mouthPress": 0.9}, "reads it as anger"),
    ("fear", FEAR | {"AU4": 1}, "'AU4' is unknown"),
    ("fear", FEAR | {"jawOpen": 8}, "between 0 and 1.5"),
    ("fear", FEAR | {"jawOpen": "wide"}, "expected a number"),
    ("majority", stub, "not written yet"),
    ("majority", lambda votes: votes.argmax(1), "every face gets a label"),
    ("majority", in_place, "changes its inputs"),
    ("majority", lambda votes: torch.where(2 * votes.max(1)[0] > votes.sum(1), votes.argmax(1), -1), "single votes"),
    ("majority", lambda votes: votes.max(1)[0] / 10, "expected int"),
    ("majority", lambda votes: torch.zeros(8, dtype=torch.long), "Try it by hand"),
    ("majority", lambda votes: majority(votes[:, :7]), "but not for 8"),
    ("majority", at_least_half, "0 is not more than half of 0"),
    ("spoil", lambda y, r, c: uneven(y, r, c), "not equally likely"),
    ("spoil", stub, "not written yet"),
    ("spoil", coins, "not a coin"),
    ("spoil", from_the_end, "at a rate of 0"),
    ("spoil", own_class_again, "own class again"),
    ("spoil", drawn_twice, "drawn twice"),
    ("spoil", one_step, "same number of steps"),
    ("spoil", first_rows, "not spread"),
    ("spoil", lambda labels, rate, classes: labels + 1, "outside 0 to 6"),
    ("spoil", lambda labels, rate, classes: labels, "0 of 1400"),
    ("spoil", lambda labels, rate: labels, "must take 3 inputs"),
    ("spoil", written_in, "though there are 5 classes"),
    ("spoil", lambda y, r, c: written_in(y, r, c, above=c), "`rate` or `classes`"),
    ("spoil", lambda y, r, c: spoil(y, r, int(y.max()) + 1), "did not occur before"),
    ("spoil", always_420, "`rate` or `classes`"),
    ("spoil", rounded_by(int), "neither down nor up"),
    ("spoil", rounded_by(math.ceil), "neither down nor up"),
    ("neighbours", stub, "not written yet"),
    ("neighbours", with_itself, "own neighbour. Forget"),
    ("neighbours", lambda p, g, k: with_itself(p, g, k, largest=True), "and the face itself"),
    ("neighbours", lambda p, g, k: neighbours(p, g, k) * len(p) * k, "the sum over all"),
    ("neighbours", lambda p, g, k: 100 * neighbours(p, g, k), "percent"),
    ("neighbours", lambda p, g, k: with_itself(p, g, k + 1), "beside the others"),
    ("neighbours", lambda p, g, k: torch.ones(60), "one number for each face"),
    ("neighbours", lambda p, g, k: 0.123, "how many are the face"),
    ("neighbours", lambda p, g, k: neighbours(p, g, 5), "`count` belongs"),
])
def test_a_wrong_answer_gets_the_fitting_hint(name, answer, told):
    with pytest.raises(WrongAnswer) as wrong:
        getattr(lesson00, name)(answer)
    assert told in str(wrong.value)


def test_typical_mistakes_differ_from_the_truth_and_from_each_other():
    votes = [lesson00._vote(lesson00.VOTES, **options) for options in (
        {}, {"least": 1}, {"least": 3}, {"enough": lambda top, total: 2 * top >= total},
        {"enough": lambda top, total: top > 5})]
    assert len({tuple(found.tolist()) for found in votes}) == len(votes)
    assert votes[0].tolist() == [0, -1, 5, -1, 1, -1, -1, 4]                   # by hand


def test_verdicts_do_not_depend_on_the_session():
    verdicts = set()
    for seed in (1, 2):
        torch.manual_seed(seed)
        with pytest.raises(WrongAnswer) as wrong:
            lesson00.spoil(coins)
        verdicts.add(str(wrong.value))
    assert len(verdicts) == 1
