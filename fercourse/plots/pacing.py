"""Pictures of self-pacing: in every class the doubts of its faces, and the threshold that moves between them."""

import numpy as np
import torch

from .arrays import as_array
from .figure import Animation, lowest_alone, new_figure, styled
from .palette import colours_of, paler

WRONG, LIMIT = "#222222", "#a94595"
ACROSS = 4                       # histograms in a row: more are too small for a phone
BINS = np.linspace(0, 1, 21)
TALLEST = 0.35                   # of a class of middle size: in motion, taller bars are cut, so that others are seen


@styled
def doubt_histograms(doubts, labels, classes, thresholds=None, wrong=None, title=None, alt=None, caption=None):
    """Draw one histogram a class: how much the network doubts the labels of its faces.

    Args:
        doubts: [N] from 0 to 1; labels: int64 [N] into `classes`.
        thresholds: [C] doubts up to which a face is easy; infinite ones are not drawn.
        wrong: bool [N] faces whose label is known to be wrong, in black, at the bottom, where no bar is cut off.
        title: one line above; alt: what the picture shows; caption: what to look for.
    """
    doubts, labels = as_array(doubts), as_array(labels)
    wrong = np.zeros(len(labels), bool) if wrong is None else as_array(wrong)
    across = min(len(classes), ACROSS)
    figure, axes = new_figure(1.9 * across, 1.7 * -(-len(classes) // across), -(-len(classes) // across), across,
                              sharex=True, sharey=True)
    for number, (word, colour, one) in enumerate(zip(classes, colours_of(classes), axes)):
        own = labels == number
        one.hist([doubts[own & wrong], doubts[own & ~wrong]], BINS, stacked=True, color=[WRONG, paler(colour)])
        if thresholds is not None and np.isfinite(float(thresholds[number])):
            one.axvline(float(thresholds[number]), color=LIMIT, lw=1.5)
        one.set(xlim=(0, 1.02), xticks=(0, 1), title=word)      # a threshold at 1 is seen whole
    lowest_alone(axes, len(classes), across)
    _key(figure, axes[len(classes):], wrong.any(), thresholds is not None)
    for one in axes[::across]:
        one.set(ylabel="faces")
    figure.supxlabel("doubt: share given to other classes than the label", fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10, weight="bold")
    return figure.describe(alt or f"One histogram of doubts for each of {len(classes)} classes", caption)


def _key(figure, empty, wrong, limit):
    """Say what black and the line mean, in an empty panel where there is one."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    signs = [Patch(color=WRONG, label="label is wrong")] * bool(wrong)
    signs += [Line2D([], [], color=LIMIT, lw=1.5, label="threshold: easy\nto its left")] * bool(limit)
    if signs and empty:
        empty[0].legend(handles=signs, loc="center", alignment="left")
    elif signs:
        figure.legend(handles=signs, loc="outside right center", alignment="left")


def doubt_animation(moments, labels, classes, wrong=None, alt=None, caption=None):
    """Return the histograms of several epochs as an animation; bars taller than a third of a class are cut off.

    Args:
        moments: rows with `title`, `doubts` [N] and `thresholds` [C].
    """
    rows = [{name: torch.as_tensor(row[name]).cpu() for name in ("doubts", "thresholds")} for row in moments]
    figures = [doubt_histograms(row["doubts"], labels, classes, row["thresholds"], wrong, moment["title"])
               for row, moment in zip(rows, moments)]
    top = max(axes.get_ylim()[1] for figure in figures for axes in figure.axes)
    for figure in figures:
        for axes in figure.axes:
            axes.set_ylim(0, min(top, TALLEST * len(labels) / len(classes)))
    seconds = [1.2] * (len(figures) - 1) + [3.0]
    alt = alt or f"Histograms of doubts in {len(classes)} classes at {len(figures)} moments, with a moving threshold"
    return Animation([figure.pixels() for figure in figures], seconds).describe(alt, caption)
