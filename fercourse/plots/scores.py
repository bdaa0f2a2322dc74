"""Pictures of how well it works: confusions, calibration, learning curves, groups with their uncertainty."""

import json
from pathlib import Path

import numpy as np
import torch

from ..errors import InputError
from ..evaluate.calibration import calibration
from ..evaluate.classes import confusion as counts
from ..log import NOT_LOSSES
from .figure import new_figure, preceded, styled
from .palette import COLOURS, METHODS, colours_of, method_look

INK, LIGHT = COLOURS["sadness"], "#cfd6f7"


@styled
def confusion(truth, predicted, classes, title=None, alt=None, caption=None):
    """Draw the confusion matrix: rows are true classes, cells give the share of the row and the count.

    The truth comes first here; `evaluate.confusion`, which counts, takes predictions first.

    Args:
        truth: int64 [N] into `classes`; -1 is left out.
        predicted: int64 [N] into `classes`.
        classes: the words.
        title: one line above; alt: what the picture shows; caption: what to look for.

    Raises:
        InputError: a prediction that is none of the classes.
    """
    count = len(classes)
    table = counts(torch.from_numpy(_ints(predicted)), torch.from_numpy(_ints(truth)), count).numpy()
    share = table / table.sum(1, keepdims=True).clip(1)
    figure, (axes,) = new_figure(1.6 + 0.62 * count, 1.2 + 0.55 * count)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    for row, column in np.ndindex(table.shape):
        if table[row, column]:
            axes.text(column, row, f"{share[row, column]:.0%}\n{table[row, column]:,}", ha="center", va="center",
                      fontsize=7, color="white" if share[row, column] > 0.8 else "#222222",
                      weight="bold" if row == column else "normal")
    axes.set(xticks=range(count), yticks=range(count), yticklabels=classes, xlabel="predicted", ylabel="true",
             title=title or "")
    axes.set_xticklabels(classes, rotation=35, ha="right", rotation_mode="anchor")
    _bare(axes)
    return figure.describe(alt or _confusion_alt(table, share, classes), caption)


@styled
def reliability(probabilities, truth, bins=15, title=None, alt=None, caption=None):
    """Draw accuracy against confidence with the expected calibration error (ECE), and how sure it is how often.

    Args:
        probabilities: [N, C], rows with the sum 1.
        truth: int64 [N]; -1 is left out.
        bins: equal slices of confidence.
        title: one line above; alt: what the picture shows; caption: what to look for.

    Source: Guo et al., On calibration of modern neural networks, ICML 2017, eq. (3).
    """
    count, sure, right, error = calibration(probabilities, truth, bins)
    used, middle = count > 0, (np.arange(bins) + 0.5) / bins
    figure, (axes, below) = new_figure(4.4, 4.8, 2, 1, height_ratios=(3, 1), sharex=True)
    axes.plot([0, 1], [0, 1], color="#888888", lw=1, ls="--", label="perfectly calibrated")
    axes.bar(middle[used], right[used], 0.9 / bins, color=LIGHT, label="accuracy")
    axes.plot(sure[used], right[used], "o-", color=INK, ms=4, label="accuracy at mean confidence")
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy", title=title or f"ECE {error:.1%}")
    axes.legend(loc="upper left", fontsize=8)
    below.bar(middle, count / max(count.sum(), 1), 0.9 / bins, color="#8a8a86")
    below.set(xlabel="confidence", ylabel="share of faces")
    lean = "too sure" if (count * (sure - right)).sum() > 0 else "not sure enough"
    alt = alt or f"Reliability diagram of {count.sum():,} faces: expected calibration error {error:.1%}, {lean} overall"
    return figure.describe(alt, caption)


@styled
def curves(history, names=None, title=None, alt=None, caption=None):
    """Draw what was logged over training, one line a loss part.

    Args:
        history: a `fercourse.log.History`, the path of a JSONL log, or a list of records; or several of them by name,
            a panel each on one scale.
        names: which entries, or {entry: what to call it}; by default every loss part.
        title: one line above; alt: what the picture shows; caption: what to look for.
    """
    histories = history if isinstance(history, dict) else {title or "": history}
    histories = {panel: _joined([record for record in _records(one) if "start" not in record])
                 for panel, one in histories.items()}
    names = names or list(dict.fromkeys(key for records in histories.values() for record in records
                                        for key, value in record.items()
                                        if key not in NOT_LOSSES and isinstance(value, (int, float))))
    words = names if isinstance(names, dict) else {name: name for name in names}
    if not all(histories.values()) or not names:
        raise InputError("the history holds no losses; expected at least one record such as {'step': 1, 'total': 2.3}")
    figure, panels = new_figure(6 if len(histories) == 1 else 1.8 + 3.2 * len(histories), 3.4, 1, len(histories),
                                sharex=True, sharey=True)
    summaries = [_lines(axes, panel, records, words) for axes, (panel, records) in zip(panels, histories.items())]
    summaries = summaries if len(summaries) == 1 else [f"{panel}, {one}" for panel, one in zip(histories, summaries)]
    panels[0].set_ylabel(next(iter(words.values())) if len(words) == 1 else "loss")
    if len(words) > 1:
        panels[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure.describe(alt or "Training curves over " + "; ".join(summaries), caption)


def _lines(axes, title, records, words):
    """Draw one line an entry, by its word; return in words where each begins and ends."""
    ends = []
    for (name, word), colour, dashes in zip(words.items(), _line_colours(words.values()), _dashes(len(words))):
        line = [(record.get("step", i + 1), record[name]) for i, record in enumerate(records) if name in record]
        if line:
            axes.plot(*zip(*line), color="#222222" if len(words) == 1 or name == "total" else colour, ls=dashes,
                      label=word, marker="o" if len(line) == 1 else None)
            ends.append(f"{word} from {line[0][1]:.3g} to {line[-1][1]:.3g}")
    axes.set(xlabel="step", title=title)
    axes.xaxis.get_major_locator().set_params(integer=True)
    return f"{len(records)} records: {'; '.join(ends)}"


def _line_colours(words):
    """Return a colour for each line: where one is a method, it has its own, and no other line one like it."""
    if METHODS.keys().isdisjoint(word.lower() for word in words):
        return colours_of(range(1, 1 + len(words)))
    return [method_look(word, words)["color"] for word in words]


def _joined(records):
    """Return records that are means over about as many steps: the few left over at an epoch's end join those before.

    A mean over two steps beside means over twenty would look like a leap.
    """
    most, joined = max((record.get("of", 1) for record in records), default=1), []
    for record in records:
        if joined and 2 * record.get("of", most) < most:
            before = joined.pop()
            steps, more = before.get("of", 1), record["of"]
            record = record | {"of": steps + more} | {
                name: (steps * before[name] + more * value) / (steps + more) for name, value in record.items()
                if name in before and name not in NOT_LOSSES and isinstance(value, (int, float))}
        joined.append(record)
    return joined


@styled
def group_bars(table, measure="accuracy", whole=None, limits=None, title=None, alt=None, caption=None):
    """Draw a measure for every group with its 95 % interval.

    Args:
        table: group -> (value, low, high) or (value, low, high, faces); or a pandas table with the columns
            `value`, `low`, `high` and perhaps `faces`, its index the groups.
        measure: what the value is.
        whole: the value over everyone, drawn as a line.
        limits: (low, high) of the axis, for pictures that are read together.
        title: one line above; alt: what the picture shows; caption: what to look for, after what the marks are.
    """
    rows = _rows(table)
    figure, (axes,) = new_figure(5.6, 0.7 + 0.32 * len(rows))
    for place, (value, low, high) in enumerate(row[:3] for row in rows.values()):
        axes.plot([low, high], [place, place], color=INK, lw=2.5, solid_capstyle="round", alpha=0.5)
        axes.plot(value, place, "o", color=INK, ms=6)
        axes.annotate(_short(value), (high, place), (6, 0), textcoords="offset points", va="center", fontsize=8,
                      bbox={"fc": "white", "ec": "none", "pad": 0.8})
    if whole is not None:
        axes.axvline(whole, color="#888888", lw=1, ls="--", zorder=0)
    axes.set(yticks=range(len(rows)), ylim=(len(rows) - 0.5, -0.5), xlabel=measure, title=title or "")
    axes.set_yticklabels([f"{group} ({int(row[3]):,})" if len(row) > 3 else group for group, row in rows.items()])
    axes.margins(x=0.12)
    axes.set_xlim(limits)
    axes.grid(axis="x", color="#eeeeee")
    summary = "; ".join(f"{g} {_short(r[0])} ({_short(r[1])} to {_short(r[2])})" for g, r in rows.items())
    marks = f"Bars: 95 % intervals{' over people' * bool(_of_people(table))}."
    marks += " In brackets: faces." * any(len(row) > 3 for row in rows.values())
    marks += " Dashed: everybody." * (whole is not None)
    return figure.describe(alt or f"{measure} of each group with its confidence interval: {summary}",
                           preceded(marks, caption))


def _of_people(table):
    """Return whether the intervals of a table by `evaluate.by_group` are over people."""
    return "people" in getattr(table, "columns", ()) and table["people"].notna().all()


def _confusion_alt(table, share, classes):
    right = np.trace(table) / max(table.sum(), 1)
    wrong = np.where(np.eye(len(classes), dtype=bool), -1, share)
    row, column = np.unravel_index(wrong.argmax(), wrong.shape)
    alt = f"Confusion matrix of {table.sum():,} faces in {len(classes)} classes: {right:.0%} right"
    if wrong.max() <= 0:
        return alt
    return alt + f"; the largest confusion is {classes[row]} taken for {classes[column]} ({wrong.max():.0%})"


def _short(value):
    """Return a number of a group as all of its neighbours are written: shares with three places."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.3g}"


def _ints(column):
    return torch.as_tensor(column).cpu().numpy().astype(np.int64)


def _bare(axes):
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _records(history):
    if isinstance(history, (str, Path)):
        if not Path(history).is_file():
            raise InputError(f"{history} is no file; expected the JSONL log of a run")
        return [json.loads(line) for line in Path(history).read_text(encoding="utf-8").splitlines() if line]
    return list(getattr(history, "steps", history))


def _dashes(count):
    return [("-", "--", "-.", ":")[i % 4] for i in range(count)]


def _rows(table):
    if hasattr(table, "itertuples"):
        columns = [name for name in ("value", "low", "high", "faces") if name in table.columns]
        table = {str(row[0]): row[1:] for row in table[columns].itertuples()}
    if not table or any(len(row) < 3 for row in table.values()):
        raise InputError("group_bars needs value, low and high for at least one group")
    return dict(table)
