"""Whom a model fails: the same measure for every group of faces."""

import math
from itertools import pairwise

import torch
from torch import Tensor

from ..errors import InputError
from ..faces.shapes import unknown
from ..seeds import generator
from .bootstrap import bootstrap, edges
from .classes import accuracy

BINS = 4                         # of a column of numbers, at its quantiles
PEOPLE = {"skin_tone": "skin tone", "gender": "gender presentation", "age": "age"}
TONES = ((1, 3), (4, 7), (8, 10))          # of the Monk scale: ten groups of few people would hide what three show
FEW = 10                                   # people behind whom no interval is to be trusted


def by_group(faces, predicted: Tensor, column: str, truth: Tensor | None = None, measure=accuracy, draws: int = 500,
             ranges=None, least: int = 1):
    """Return a table (pandas), one row a group: faces, people, the measure and its 95 % interval.

    Args:
        column: what divides faces into groups: `gender`, `skin_tone`, `domain`, `labels`, …; numbers such as
            `age` are cut at their quartiles. Faces of whom it is not known are a group too.
        predicted: [N, …] predictions.
        truth: [N, …] what they should be (default: the labels).
        measure: `measure(predicted, truth)` -> number.
        ranges: such as `TONES`, groups of neighbouring values, (lowest, highest) each; values in none are left out.
        least: people (or faces of nobody known) behind an interval; with fewer it is NaN.

    Returns:
        columns `faces`, `people`, `value`, `low`, `high`; the interval is over people where they are known.

    Raises:
        InputError: the faces do not have the column, or it has several values a face.
    """
    import pandas as pd
    truth = faces.labels if truth is None else truth
    rows = [{column: name} | _row(faces, chosen, predicted, truth, measure, draws, least)
            for name, chosen in groups_of(faces, column, ranges)]
    return pd.DataFrame(rows).set_index(column)


def by_people(faces, predicted: Tensor, truth: Tensor | None = None, measure=accuracy, draws: int = 500):
    """Return one table by `by_group`: everybody, then skin tone, gender and age, as far as the faces have them.

    Tones of the Monk scale stand in three groups, `TONES`. The last column says `below` or `above` where a group's
    interval stays clear of everybody's value (of twenty intervals of 95 % about one does so by luck), and `few` where
    fewer than ten people stand behind it: such an interval is too short.

    Raises:
        InputError: the faces have none of the three.
    """
    import pandas as pd
    everybody, truth = torch.ones(len(faces), dtype=torch.bool), faces.labels if truth is None else truth
    parts = {"everybody": pd.DataFrame([_row(faces, everybody, predicted, truth, measure, draws)], index=[""])}
    for column in [name for name in PEOPLE if name in faces.columns()] or PEOPLE:
        ranges = TONES if column == "skin_tone" and not faces.vocabulary(column) else None
        parts[PEOPLE[column]] = by_group(faces, predicted, column, truth, measure, draws, ranges)
    table = pd.concat(parts)[["value", "low", "high", "faces", "people"]]
    line = table["value"].iloc[0]
    table["clear"] = [_stands(*row, line) for row in zip(table["low"], table["high"], table["people"])]
    return table


def _stands(low, high, people, line):
    """Return on which side of everybody's value an interval is clear of it, or that few people stand behind it."""
    if people is not None and people < FEW:
        return "few"
    if high < line:
        return "below"
    return "above" if low > line else ""


def gap(faces, predicted: Tensor, one: Tensor, other: Tensor, truth: Tensor | None = None, measure=accuracy,
        draws: int = 500) -> dict:
    """Return by how much a measure of one group of faces exceeds that of another: `value`, `low` and `high`.

    Choose the groups before you look: of many pairs, some differ by luck.

    Args:
        one, other: bool [N], who belongs to each group, such as `faces.column("skin_tone") <= 3`.
        predicted, truth, measure: see `by_group`.

    Returns:
        the difference and its 95 % interval, over people where they are known.

    Raises:
        InputError: a group without a face, or faces that are in both.
    """
    one, other, truth = one.cpu().bool(), other.cpu().bool(), faces.labels if truth is None else truth
    if not (one.any() and other.any()) or (one & other).any():
        raise InputError(f"{int(one.sum())} and {int(other.sum())} faces, {int((one & other).sum())} of them in both; "
                         "expected two groups that have faces and share none")

    def difference(predicted, truth, first):
        return float(measure(predicted[first], truth[first]) - measure(predicted[~first], truth[~first]))
    asked = one | other
    people = None if faces.identity is None else faces.identity.cpu()[asked]
    return bootstrap(difference, predicted.cpu()[asked], truth.cpu()[asked], one[asked], groups=people, draws=draws)


def clear_when_shuffled(faces, predicted: Tensor, columns, truth: Tensor | None = None, trials: int = 500,
                        draws: int = 500, seed: int = 0) -> Tensor:
    """Return how many bars of accuracy by group stay clear of everybody's where groups do not matter, int64 [trials].

    In every trial each person's answers are given to somebody else, drawn at random, so that whatever is clear is so by
    luck. Bars that cut the same people several times, and bars over few people, count as often as they mislead.

    Args:
        columns: what divides people into groups, as for `by_group`; all their bars are counted together.
        predicted, truth: int64 [N]; truth by default the labels.
        draws: resamples of people for each bar.

    Raises:
        InputError: faces without people, or a person who is in two groups of a column.
    """
    if faces.identity is None or (faces.identity < 0).any():
        raise InputError(f"{faces.name}: nobody knows who is in some pictures; expected an identity for every "
                         "face, to shuffle people")
    truth = (faces.labels if truth is None else truth).cpu()
    people, person = faces.identity.cpu().unique(return_inverse=True)
    known = truth >= 0
    right = torch.bincount(person[known], (predicted.cpu() == truth)[known].double(), len(people))
    shown = torch.bincount(person[known], minlength=len(people)).double()
    whole = float(right.sum() / shown.sum())             # counted as the bars are: one on the line is not clear of it
    source, clear = generator("shuffled", seed), torch.zeros(trials, dtype=torch.long)
    order = torch.stack([torch.randperm(len(people), generator=source) for _ in range(trials)])
    for column in columns:
        for members in _members_of(faces, column, person):
            drawn = members[torch.randint(len(members), (draws, len(members)), generator=source)]
            for trial, given in enumerate(order):
                of = given[drawn]
                low, high = edges(right[of].sum(1) / shown[of].sum(1))
                clear[trial] += low > whole or high < whole
    return clear


def _members_of(faces, column, person):
    """Return the people of every group of a column, int64 tensors."""
    members = [person[chosen].unique() for _, chosen in groups_of(faces, column)]
    if sum(map(len, members)) > len(torch.cat(members).unique()):
        raise InputError(f"{faces.name}: some people are in two groups of {column}; expected what does not change from "
                         "one picture of a person to the next")
    return members


def _row(faces, chosen, predicted, truth, measure, draws, least=1):
    """Return faces, people, the measure and its interval for the chosen ones."""
    people = None if faces.identity is None else faces.identity.cpu()[chosen]
    score = bootstrap(measure, predicted.cpu()[chosen], truth.cpu()[chosen], groups=people, draws=draws,
                      least=least)
    known = None if people is None else len(people[people >= 0].unique())
    return {"faces": int(chosen.sum()), "people": known, **score}


def group_gap(table, lower_is_better: bool = False) -> float:
    """Return how far the worst group of a table by `by_group` is from the mean of all groups; 0 is even."""
    values = table["value"]
    return float(values.max() - values.mean() if lower_is_better else values.mean() - values.min())


def groups_of(faces, column: str, ranges=None) -> list[tuple[str, Tensor]]:
    """Return the name and the rows, bool [N], of every group that has a face; see `by_group`.

    Raises:
        InputError: the faces have no such column, or one with several values a face.
    """
    values = faces.column(column).cpu()
    if values.ndim > 1:
        single = [name for name, known in faces.columns().items() if known.ndim == 1]
        raise InputError(f"{faces.name}: {column} holds {list(values.shape[1:])} values a face, which make no groups; "
                         f"expected one of {', '.join(single)}")
    if ranges:
        groups = {f"{low} to {high}": (values >= low) & (values <= high) & ~unknown(values) for low, high in ranges}
        return [(name, chosen) for name, chosen in [("unknown", unknown(values)), *groups.items()] if chosen.any()]
    if values.is_floating_point() or (values.unique().numel() > 20 and column not in faces.names):
        values, words = _quartiles(values.float())
    else:
        names = faces.vocabulary(column)
        words = {v: names[v] if names else str(v) for v in values.unique().tolist() if v >= 0}
    return [(words.get(value, "unknown"), values == value) for value in values.unique().tolist()]


def _quartiles(values):
    known = values[~values.isnan()]
    if not len(known):
        return torch.full(values.shape, -1), {}
    edges = known.quantile(torch.linspace(0, 1, BINS + 1)).unique()
    number = torch.bucketize(values, edges[1:-1], right=True).masked_fill(values.isnan(), -1)
    names = _rounded(edges.tolist())
    return number, {i: f"{low} to {high}" for i, (low, high) in enumerate(pairwise(names))} or {0: names[0]}


def _rounded(edges):
    """Return ascending numbers as text, with no more decimals than tell them apart on the scale that they span."""
    first = max(0, 1 - math.floor(math.log10(edges[-1] - edges[0]))) if len(edges) > 1 else 0
    for decimals in range(first, first + 12):
        names = [f"{round(edge, decimals) + 0:.{decimals}f}" for edge in edges]
        if len(set(names)) == len(names):
            break
    return names
