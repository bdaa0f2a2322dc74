"""Answers to lesson 00, right ones and those with the mistakes people make; test_answers tries them."""

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


def majority_of_shares(votes):
    """The label by shares of the votes that count, NaN where none does."""
    kept = torch.where(votes > 1, votes, 0)
    share, label = (kept / kept.sum(1, keepdim=True)).max(1)
    label[share <= 0.5] = -1
    return label


def rows_for_groups(points, groups, count):
    rows = torch.cdist(points, points).fill_diagonal_(torch.inf).topk(count, largest=False).indices
    return (rows == groups[:, None]).float().mean()


RIGHT = [
    (lesson00.fear, FEAR),
    (lesson00.fear, AS_HINTED),
    (lesson00.fear, FEAR | {"jawOpen": 0.6}),
    (lesson00.majority, majority),
    (lesson00.spoil, spoil),
    (lesson00.neighbours, neighbours),
]

WRONG = [
    (lesson00.fear, majority, "a pose is a dict"),
    (lesson00.fear, {"browInnerUp": 1.1, "browOuterUp": 1.3, "eyeWide": 1.0, "jawOpen": 0.7}, "hardly drawn together"),
    (lesson00.fear, FEAR | {"mouthStretch": 0}, "hardly pulled sideways"),
    (lesson00.fear, FEAR | {"jawOpen": 0.9}, "nobody sees the lips"),
    (lesson00.fear, FEAR | {"jawOpen": 0.61}, "nobody sees the lips"),
    (lesson00.fear, FEAR | {"mouthSmile": 1.0}, "smile"),
    (lesson00.fear, {"browDown": 1.0}, "hardly rise"),
    (lesson00.fear, {"browInnerUp": 1.1, "eyeWide": 1.0, "mouthStretch": 1.0}, "hardly drawn together"),
    (lesson00.fear, SURPRISED, "reads it as surprise"),
    (lesson00.fear, {"browInnerUp": 0.6, "browDown": 1.5, "eyeWide": 0.6, "mouthStretch": 0.5, "noseSneer": 1.0,
              "mouthPress": 0.9}, "reads it as anger"),
    (lesson00.fear, FEAR | {"AU4": 1}, "'AU4' is unknown"),
    (lesson00.fear, FEAR | {"jawOpen": 8}, r"between 0 and 1\.5"),
    (lesson00.fear, FEAR | {"jawOpen": "wide"}, "expected a number"),
    (lesson00.majority, lambda votes: votes.argmax(1), "every face gets a label"),
    (lesson00.majority, in_place, "changes its inputs"),
    (lesson00.majority, lambda votes: torch.where(2 * votes.max(1)[0] > votes.sum(1), votes.argmax(1), -1),
     "single votes"),
    (lesson00.majority, lambda votes: votes.max(1)[0] / 10, "expected int"),
    (lesson00.majority, lambda votes: torch.zeros(8, dtype=torch.long), "Try it by hand"),
    (lesson00.majority, lambda votes: majority(votes[:, :7]), "but not for 8"),
    (lesson00.majority, at_least_half, "0 is not more than half of 0"),
    (lesson00.majority, majority_of_shares, "0 / 0 is NaN"),
    (lesson00.majority, lambda votes: torch.zeros(8, dtype=torch.long), "seven single votes"),
    (lesson00.spoil, lambda y, r, c: uneven(y, r, c), "not equally likely"),
    (lesson00.spoil, coins, "not a coin"),
    (lesson00.spoil, from_the_end, "at a rate of 0"),
    (lesson00.spoil, own_class_again, "own class again"),
    (lesson00.spoil, drawn_twice, "drawn twice"),
    (lesson00.spoil, one_step, "same number of steps"),
    (lesson00.spoil, first_rows, "not spread"),
    (lesson00.spoil, lambda labels, rate, classes: labels + 1, "outside 0 to 6"),
    (lesson00.spoil, lambda labels, rate, classes: labels, "0 of 1400"),
    (lesson00.spoil, lambda labels, rate: labels, "must take 3 inputs"),
    (lesson00.spoil, written_in, "though there are 5 classes"),
    (lesson00.spoil, lambda y, r, c: written_in(y, r, c, above=c), "`rate` or `classes`"),
    (lesson00.spoil, lambda y, r, c: spoil(y, r, int(y.max()) + 1), "did not occur before"),
    (lesson00.spoil, always_420, "`rate` or `classes`"),
    (lesson00.spoil, rounded_by(int), "neither down nor up"),
    (lesson00.spoil, rounded_by(math.ceil), "neither down nor up"),
    (lesson00.neighbours, with_itself, r"own neighbour\. Forget"),
    (lesson00.neighbours, lambda p, g, k: with_itself(p, g, k, largest=True), "and the face itself"),
    (lesson00.neighbours, lambda p, g, k: neighbours(p, g, k) * len(p) * k, "the sum over all"),
    (lesson00.neighbours, lambda p, g, k: 100 * neighbours(p, g, k), "percent"),
    (lesson00.neighbours, lambda p, g, k: with_itself(p, g, k + 1), "beside the others"),
    (lesson00.neighbours, rows_for_groups, "groups up"),
    (lesson00.neighbours, lambda p, g, k: torch.ones(60), "one number for each face"),
    (lesson00.neighbours, lambda p, g, k: 0.123, "how many are the face"),
    (lesson00.neighbours, lambda p, g, k: neighbours(p, g, 5), "`count` belongs"),
]



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
