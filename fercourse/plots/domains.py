"""Pictures of two domains: one embedding of both with the class centres, and numbers of every class over epochs."""

import numpy as np
from matplotlib.lines import Line2D

from ..errors import InputError
from .arrays import as_array
from .figure import lowest_alone, new_figure, styled
from .grouping import Grouping
from .palette import area_of, colours_of, markers_of
from .space import Frame, moments_told, without_ticks


@styled
def two_domains(sequence, labels, domains, classes, titles, centres=0, columns=2, alt=None, caption=None):
    """Draw faces of two domains in one plane at several moments: the source pale and small, the target strong.

    Up to 250 faces can be told apart in a panel.

    Args:
        sequence: one [N + 2 K, 2] a moment, faces first; the last 2 K rows are the class centres, the source's before
            the target's, where `centres` is K.
        labels: int64 [N] into `classes`; domains: bool [N], True for the target; titles: one short text a moment.
        centres: K, or 0 where there are none. A line joins the two centres of a class: ring source, filled target.
    """
    labels, domains = as_array(labels), as_array(domains, bool)
    sequence = [as_array(points) for points in sequence]
    if any(len(points) != len(labels) + 2 * centres for points in sequence) or len(titles) != len(sequence):
        raise InputError(f"{len(labels)} faces, 2 x {centres} centres and {len(titles)} titles do not fit moments of "
                         f"{[len(points) for points in sequence]} points")
    columns = min(columns, len(sequence))
    rows, frame, wide = -(-len(sequence) // columns), Frame.around(sequence), 3.7 if len(sequence) > 1 else 5
    height = max((wide * frame.slope + 0.3) * rows, 0.22 * (len(classes) + 6))         # the legend has room
    figure, panels = new_figure(wide * columns + 1.5, height, rows, columns)
    for axes, points, title in zip(panels, sequence, titles):
        without_ticks(axes, title, frame)
        _faces(axes, points[:len(labels)], labels, domains, classes)
        _centres(axes, points[len(labels):], centres, classes)
    lowest_alone(panels, len(sequence), columns)
    _legend(figure, panels[0], len(classes), centres)
    summary = f"{(~domains).sum()} faces of the source and {domains.sum()} of the target, {moments_told(titles)}"
    target = Grouping("class", tuple(classes), labels[domains])
    near = target.nearby([points[:len(labels)][domains] for points in sequence], titles)
    summary += ", coloured by class" + ", with the class centres of both domains" * bool(centres)
    summary += near.replace(". Of", ". In the target alone, of", 1)
    return figure.describe(alt or summary + _apart(sequence, classes, centres, titles, frame.width), caption)


def _apart(sequence, classes, count, titles, width):
    """Return in words how far the two centres of each class are apart in each picture."""
    told = [f"{title} " + ", ".join(f"{word} {np.linalg.norm(one - other) / width:.0%}" for word, one, other in
                                    zip(classes, points[-2 * count:-count], points[-count:]))
            for title, points in zip(titles, sequence)]
    return f". Between the two centres of a class, of the picture's width: {'; '.join(told)}" if count else ""


def _faces(axes, points, labels, domains, classes):
    for target, size, alpha in ((False, 14, 0.45), (True, 22, 0.9)):
        for number, (word, colour, marker) in enumerate(zip(classes, colours_of(classes), markers_of(classes))):
            rows = (labels == number) & (domains == target)
            axes.scatter(*points[rows].T, color=colour, marker=marker, s=size * area_of(marker), alpha=alpha,
                         linewidths=0, label=word if target else None)


def _centres(axes, points, count, classes):
    for source, target, colour in zip(points[:count], points[count:], colours_of(classes)):
        axes.plot(*np.stack([source, target]).T, color="#222222", lw=1.6, zorder=7)      # above both, or it is hidden
        axes.scatter(*target, s=80, facecolor=colour, edgecolor="#222222", linewidths=1, zorder=5)
        axes.scatter(*source, s=150, facecolor="none", edgecolor=colour, linewidths=2.5, zorder=6)


def _legend(figure, axes, count, centres):
    """Explain the marks beside all panels: the classes, and what a ring, a disc and a line are where there are any."""
    handles, words = axes.get_legend_handles_labels()
    look = {"ls": "", "marker": "o", "mec": "#222222"}
    if centres:
        handles += [Line2D([], [], **look | {"mec": "#555555"}, ms=11, mfc="none", mew=2.5),
                    Line2D([], [], **look, ms=9, mfc="#555555"), Line2D([], [], color="#222222", lw=1.6)]
        words += ["centre, source", "centre, target", "of one class"]
    legend = figure.legend(handles, words, loc="outside right center", alignment="left",
                           title="strong: target\npale, small: source")
    for handle in legend.legend_handles[:count]:
        handle.set(alpha=1, sizes=1.4 * handle.get_sizes())


@styled
def class_curves(rows, classes, whole=None, xlabel="epoch", ylabel="", title=None, alt=None, caption=None):
    """Draw a number of every class over epochs, in the colour of its emotion.

    Args:
        rows: one list of a number a class for every epoch, counted from 1; whole: one number over all faces an epoch.
    """
    values = as_array(rows, float)
    figure, (axes,) = new_figure(6, 3.4)
    epochs = np.arange(1, len(values) + 1)
    for word, colour, marker, line in zip(classes, colours_of(classes), markers_of(classes), values.T):
        axes.plot(epochs, line, color=colour, marker=marker, ms=4 * area_of(marker)**0.5, lw=1.2, label=word)
    if whole is not None:
        axes.plot(epochs, whole, color="#222222", lw=2.2, ls="--", label="all")
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title or "", ylim=(0, 1.03))
    axes.xaxis.get_major_locator().set_params(integer=True)      # there is no half epoch
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    summary = "; ".join(f"{word} from {line[0]:.2f} to {line[-1]:.2f}" for word, line in zip(classes, values.T))
    return figure.describe(alt or f"{ylabel or 'A number'} of each class over {len(values)} epochs: {summary}", caption)
