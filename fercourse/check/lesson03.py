"""Checkers of lesson 03, DR-FER: hidden pixels, easy faces, the vote of neighbours, and noise that was found."""

import math

import torch
import torch.nn.functional as F

from .answers import call, expect, generator, number, require, tensor, told_after
from .base import checker


@checker(8, 1, hints=(
    "Only hidden pixels count, in all three colours. What is the mean over: images, pixels, or hidden pixels?",
    "`hidden` is [B, 1, H, W] and the images are [B, 3, H, W]: `hidden.expand_as(images)` fits them.",
    "Begin with the error everywhere, `(rebuilt - images).abs()`. How are the hidden ones chosen from it, and over how "
    "many numbers does the mean then run?"))
def masked_error(answer):
    """Return the mean absolute error over hidden pixels, from rebuilt and true images [B, 3, H, W] and the mask."""
    images, rebuilt = (torch.randn(3, 3, 4, 4, generator=generator(seed)) for seed in (1, 2))
    hidden = torch.rand(3, 1, 4, 4, generator=generator(3)) < 0.4
    found = number(call(answer, rebuilt, images, hidden), "your error is")
    where, error = hidden.expand_as(images), (rebuilt - images).abs()
    expect(found, error[where].mean().item(), {
        "this is the error of all pixels; those that were shown must not count.": error.mean(),
        "this is the error of the pixels that were shown; turn the mask round.": error[~where].mean(),
        "you divide by all pixels, not only by the hidden ones.": (error * where).mean(),
        "three colours of a pixel are three errors: divide by the hidden pixels times three.":
            (error * where).sum() / hidden.sum(),
        "this is the squared error; formula (3.1) takes absolute values.": (rebuilt - images)[where].square().mean(),
        "positive and negative errors cancel; take absolute values first.": (rebuilt - images)[where].mean(),
        "every image has one vote; (3.1) takes one mean over all hidden pixels of all images.":
            torch.stack([one[inside].mean() for one, inside in zip(error, where)]).mean(),
    }, "it is not the mean of formula (3.1). Hide one pixel of one image and three of another, and count by hand.")
    return "what was shown costs nothing, so copying it earns nothing"


@checker(12, 2, hints=(
    "Every class has a threshold of its own: a loss that is high for happiness may be low for fear.",
    "If class c has `count` faces, `round(float(shares[c]) * count)` of them are easy: those with its smallest losses.",
    "Begin with `easy = torch.zeros(len(losses), dtype=torch.bool)`, and go through the classes. Which rows are of "
    "class c, in which order do their losses stand, and how many of them become True?"))
def easy_faces(answer):
    """Return which faces are easy, bool [N]: in every class the given share of it, those of the smallest losses."""
    losses, labels, shares = _three_classes()
    found = tensor(call(answer, losses, labels, shares), [len(losses)], dtype="bool")
    right = _easy(losses, labels, shares)
    whole = losses <= losses.quantile(shares.mean())
    expect(found, right, {
        "one threshold for all classes: the class with large losses is left out. Look at each class alone.": whole,
        "these are the hard faces; the easy ones have the smallest losses.": ~right,
        "these are the faces of the largest losses; take the smallest.": _easy(-losses, labels, shares),
        "every class gets the same share; class c has `shares[c]`.":
            _easy(losses, labels, shares.mean().expand(3)),
        "you always round down; round to the nearest number of faces.": _easy(losses, labels, shares, math.floor),
        "you always round up; round to the nearest number of faces.": _easy(losses, labels, shares, math.ceil),
    }, "some class has too many or too few easy faces, or not those of its smallest losses.")
    with told_after("right so far, but at a share of 0 no face may be easy"):
        none = tensor(call(answer, losses, labels, torch.zeros(3)), [len(losses)], dtype="bool")
        require(not none.all(), "all are. If the count is 0, the place count - 1 is -1, that of the largest loss.")
        require(not none.any(), f"{int(none.sum())} are. A quantile keeps one of each class, and so does `max(1, …)`.")
    with told_after("right so far, but not for four classes of 10 faces with the shares 1, 0.34, 0.04 and 0.58"):
        _four_classes(answer)
    return "a class with large losses keeps its share of faces"


def _four_classes(answer):
    labels, losses = torch.arange(40) % 4, torch.rand(40, generator=generator(6))
    shares = torch.tensor([1, 0.34, 0.04, 0.58])
    found, right = tensor(call(answer, losses, labels, shares), [40], dtype="bool"), _easy(losses, labels, shares)
    limits = torch.stack([losses[labels == c].quantile(share) for c, share in enumerate(shares)])
    expect(found, right, {
        "a quantile is not a count: at 0.34 it keeps 4 of 10. The task is to round the share times the count.":
            losses <= limits[labels],
        "the fourth class has no easy face. Is a number of classes written in?": right & (labels < 3),
    }, "of the first class all are easy, of the third none.")


def _three_classes():
    """Return losses of 32 faces of three unequal classes, the last of which is hard to learn, and a share for each.

    Shares of the classes are no whole numbers of faces: 2.7, 5.2 and 9.75.
    """
    labels = torch.arange(3).repeat_interleave(torch.tensor([9, 10, 13]))[torch.randperm(32, generator=generator(4))]
    losses = torch.rand(32, generator=generator(5)) + torch.tensor([0.0, 0.5, 3.0])[labels]
    return losses, labels, torch.tensor([0.3, 0.52, 0.75])


def _easy(losses, labels, shares, whole=round):
    easy = torch.zeros(len(losses), dtype=torch.bool)
    for c, share in enumerate(shares.tolist()):
        rows = (labels == c).nonzero().flatten()
        easy[rows[losses[rows].argsort()[:whole(share * len(rows))]]] = True
    return easy


@checker(15, 3, hints=(
    "Three steps: who is asked (the easy faces), whom each hard face resembles, and what those are labelled.",
    "`F.normalize(x, dim=1)` twice and a product give all cosines [H, E]; `topk(count, dim=1)` the nearest. "
    "Cosines below 0 count as 0.",
    "Begin with the ballots: `F.one_hot(labels[rows], classes)` is [H, K, C], one for each neighbour. What is each "
    "multiplied with, over what are they added, and by what is a row divided so that it adds up to 1?"))
def vote(answer):
    """Return the share of the vote for each class, [H, C], of hard faces [H, D] by their nearest easy ones."""
    hard, easy, labels = _directions()
    found = tensor(call(answer, hard, easy, labels, 3, 4), [len(hard), 3], dtype="float")
    right = _shares(hard, easy, labels, 4)
    unit_hard, unit_easy = F.normalize(hard, dim=1), F.normalize(easy, dim=1)
    cosines, rows = (unit_hard @ unit_easy.T).topk(4, dim=1)
    ballots = F.one_hot(labels[rows], 3).double()
    signed = (ballots * cosines[:, :, None]).sum(1)
    require((found.sum(1) - 1).abs().max() < 1e-3,
            "the shares of a face must add up to 1; divide each row by its own sum.")
    once = F.normalize(torch.zeros(3, 3).scatter(1, labels[rows[:3]], cosines[:3]).double(), p=1, dim=1)
    require(not torch.allclose(found[:3], once, atol=1e-4),                   # of the fourth face, some cosines are 0
            "two neighbours of one class count once: `x[places] += y` adds only one number at each place.")
    expect(found, right, {
        "every neighbour counts alike; weigh each by its cosine.": ballots.mean(1),
        "lengths must not matter: scale all vectors to length 1 first.": _shares(hard, easy, labels, 4, unit=False),
        "an opposite face must not take votes away: cosines below 0 count as 0.":
            signed / signed.sum(1, keepdim=True),
        "an opposite face must not take votes away from others of its class: let each cosine below 0 count as 0, "
        "before they are added.": signed.clamp(min=0) / signed.clamp(min=0).sum(1, keepdim=True),
        "all easy faces vote; only the `count` nearest may.": _shares(hard, easy, labels, len(easy)),
    }, "the shares are not those of formula (3.4). Take one hard face, and list its neighbours.")
    with told_after("right for 3 classes and 4 neighbours, but not for 5 classes (two without an easy face) and 3 "
                    "neighbours"):
        expect(tensor(call(answer, hard, easy, labels, 5, 3), [len(hard), 5], dtype="float"),
               _shares(hard, easy, labels, 3, classes=5), {
            "you let another number of neighbours vote than `count`.": _shares(hard, easy, labels, 4, classes=5),
        }, "is a number written in?")
    return "no training, no new weights: the embedding speaks for its neighbours"


def _directions():
    """Return hard and easy vectors whose lengths mislead; one hard face has opposite ones among its nearest four."""
    angles = torch.tensor([0.0, 0.2, 1.5, 1.9, 3.1, 3.4, 0.6, 1.0])
    lengths = torch.tensor([0.5, 4.0, 1.0, 3.0, 0.7, 2.0, 1.2, 0.8])
    easy = lengths[:, None] * torch.stack([angles.cos(), angles.sin()], 1)
    asked = torch.tensor([0.1, 1.3, 2.9, 4.5])
    hard = torch.tensor([2.0, 0.3, 5.0, 1.0])[:, None] * torch.stack([asked.cos(), asked.sin()], 1)
    return hard, easy, torch.tensor([1, 0, 1, 1, 2, 0, 1, 2])


def _shares(hard, easy, labels, count, unit=True, classes=3):
    hard, easy = (F.normalize(x, dim=1) if unit else x for x in (hard.double(), easy.double()))
    weights, rows = (hard @ easy.T).topk(count, dim=1)
    ballots = (F.one_hot(labels[rows], classes) * weights.clamp(min=0)[:, :, None]).sum(1)
    return ballots / ballots.sum(1, keepdim=True)


@checker(8, 1, hints=(
    "Two questions: of the flagged faces, how many are wrong? Of the wrong faces, how many are flagged?",
    "`(flagged & wrong).sum()` counts the faces that are both; the two shares differ in what it is divided by.",
    "Begin with the number of faces that are both, `both`. Precision divides it by how many were flagged; by what does "
    "recall divide it?"))
def noise_found(answer):
    """Return (precision, recall) of flagged faces, bool [N], against faces whose label is wrong, bool [N]."""
    flagged = torch.tensor([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]).bool()       # 5, of which 3 are among the 7 wrong
    wrong = torch.tensor([1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]).bool()
    found = tensor(call(answer, flagged, wrong), [2], dtype="float")
    expect(found, torch.tensor([3 / 5, 3 / 7]), {
        "precision and recall are the other way round.": torch.tensor([3 / 7, 3 / 5]),
        "you divide by the number of all faces.": torch.tensor([3 / 13, 3 / 13]),
        "accuracy counts faces that nobody flagged and nobody should have; precision does not.":
            torch.tensor([7 / 13, 3 / 7]),
        "precision is the share of flagged faces that are wrong, not of those that are right.":
            torch.tensor([2 / 5, 3 / 7]),
        "recall is a share of the faces that are wrong, not of those that nobody flagged.":
            torch.tensor([3 / 5, 3 / 8]),
    }, "flag four faces of which two are wrong, among six wrong ones: it must be 1/2 and 1/3.")
    found = tensor(call(answer, wrong[:6], flagged[:6]), [2], dtype="float")
    expect(found, torch.tensor([3 / 4, 3 / 5]),
           otherwise="right for some faces, but not for others. Is a number written in?")
    return "whoever flags everything has a recall of 1"
