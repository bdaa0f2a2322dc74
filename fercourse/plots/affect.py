"""The valence–arousal plane: where faces lie, and how far predictions miss."""

import numpy as np
import torch

from ..errors import InputError
from ..evaluate.groups import groups_of
from .figure import new_figure, styled
from .grouping import TOLD, grouping
from .palette import area_of, colours_of, markers_of
from .space import LEGEND, show_legend

CORNERS = {(-0.97, 0.97): "tense", (0.97, 0.97): "excited", (-0.97, -0.97): "gloomy", (0.97, -0.97): "calm"}
LEADER = {"arrowstyle": "-", "color": "#999999", "lw": 0.6, "shrinkA": 1, "shrinkB": 2}     # no part of the arrow


@styled
def valence_arousal(points, faces=None, predicted=None, colour_by="labels", most=150, seed=0, title=None,
                    alt=None, caption=None):
    """Draw faces on the valence–arousal plane; with predictions, an arrow from the truth to each.

    Without faces the plane shows density. Rows with NaN are left out.

    Args:
        points: [N, 2] true valence and arousal in [-1, 1].
        faces: the FaceSet of the same faces, for colours.
        predicted: [N, 2].
        colour_by: a column of the faces.
        most: at most so many arrows, picked with `seed`.
        title: one line above; alt: what the picture shows; caption: what to look for.
    """
    points, predicted = _pairs(points), None if predicted is None else _pairs(predicted)
    if predicted is not None and predicted.shape != points.shape:
        raise InputError(f"{len(predicted)} predictions for {len(points)} faces, expected one a face")
    known = ~np.isnan(points if predicted is None else points + predicted).any(1)
    figure, (axes,) = new_figure(5.4 if faces is None else 6.4, 4.9)
    _plane(axes, title)
    if faces is None:
        density = axes.hexbin(*points[known].T, gridsize=24, extent=(-1, 1, -1, 1), mincnt=1, cmap="Blues")
        figure.colorbar(density, ax=axes, shrink=0.6, label="faces")
    else:
        _groups(figure, axes, points, known, grouping(faces, colour_by))
    summary = f"{known.sum():,} faces on the valence–arousal plane"
    if faces is not None:
        summary += _means(points, known, grouping(faces, colour_by))
    if predicted is not None:
        rows = np.random.default_rng(seed).permutation(np.flatnonzero(known))[:most]
        _arrows(axes, points[rows], predicted[rows])
        miss = np.linalg.norm(predicted[known] - points[known], axis=1).mean()
        summary += f", {len(rows)} arrows from truth to prediction, {miss:.2f} long on average"
    return figure.describe(alt or summary, caption)


def _means(points, known, groups):
    """Return in words where each of up to eight groups lies on average."""
    rows = [(word, known & (groups.codes == code)) for code, word in enumerate(groups.words)]
    told = [f"{word} {x:+.2f} and {y:+.2f}" for word, own in rows if own.any() for x, y in [points[own].mean(0)]]
    return "; mean valence and arousal: " + ", ".join(told) if 0 < len(told) <= TOLD else ""


@styled
def affect_bias(points, predicted, faces, column, title=None, alt=None, caption=None):
    """Draw on the valence–arousal plane where each group of faces lies on average, and where it is said to lie.

    One arrow a group, from the mean truth to the mean prediction, with the group's name beside its head: arrows that
    point apart are a bias, which the error of single faces hides. All faces are grey dots beneath.

    Args:
        points: [N, 2] true valence and arousal in [-1, 1].
        predicted: [N, 2], or several of them by name, a panel each.
        faces: the FaceSet of the same faces; column: what divides them into groups, words or numbers (quarters).
        title: one line above; alt: what the picture shows; caption: what to look for.
    """
    panels = predicted if isinstance(predicted, dict) else {title or "": predicted}
    points, summaries, ends = _pairs(points), [], []
    figure, axes = new_figure(0.6 + 4.2 * len(panels), 4.3, 1, len(panels), sharex=True, sharey=True)
    for place, (name, guess) in zip(axes, panels.items()):
        guess, known = _pairs(guess), ~np.isnan(points).any(1)
        _plane(place, name)
        place.plot(*points[known].T, ".", color="#d0d0d0", ms=2, zorder=0)
        said, reached = _bias(place, points, guess, groups_of(faces, column))
        summaries += [f"{name}: " * bool(name) + said]
        ends += reached
    _look_at(axes, ends)
    return figure.describe(alt or f"Mean truth and mean prediction by {column}; {'; '.join(summaries)}", caption)


def _bias(axes, points, guess, groups):
    """Draw one arrow a group, short ones over long ones, and name it; return the errors in words, and all ends."""
    names, errors, ends, seen = [name for name, _ in groups], [], [], []
    for (name, rows), colour, marker in zip(groups, colours_of(names), markers_of(names)):
        rows = rows.numpy() & ~np.isnan(points).any(1)
        start, end = points[rows].mean(0), guess[rows].mean(0)
        above = 4 - float(np.linalg.norm(end - start))
        axes.plot(*start, marker, color=colour, ms=5 * area_of(marker)**0.5, mec="white", mew=0.5, label=name,
                  zorder=above)
        axes.annotate("", end, start, zorder=above, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.8,
                                                                "shrinkA": 0, "shrinkB": 0})
        errors.append(f"{name} off by {end[0] - start[0]:+.2f} valence and {end[1] - start[1]:+.2f} arousal")
        ends.append((name, end, end[0] < start[0]))
        seen += [start, end]
    for left in (True, False):
        _name_heads(axes, [one[:2] for one in ends if one[2] == left], left)
    return ", ".join(errors), seen


def _look_at(axes, ends, room=0.4):
    """Show the part of the plane where arrows are, a square, the same in all panels, and its labels once."""
    ends = np.array([end for end in ends if np.isfinite(end).all()] or [[0, 0]])
    middle, half = (ends.min(0) + ends.max(0)) / 2, np.ptp(ends, axis=0).max() / 2 + room
    axes[0].set(xlim=middle[0] + [-half, half], ylim=middle[1] + [-half, half])
    for place in axes:
        for text in place.texts:                             # a corner's word that would be cut
            text.set_visible(text.get_text() not in CORNERS.values() or half > np.abs(middle).max() + 1)
    for place in axes[1:]:
        place.set_ylabel("")


def _name_heads(axes, ends, left, gap=0.085, away=0.12):
    """Write names in one column to the left or right of their arrow heads [(name, head)], a line to each."""
    ends = sorted((end for end in ends if np.isfinite(end[1]).all()), key=lambda end: -end[1][1])
    if not ends:
        return
    across, up = np.array([head for _, head in ends]).T
    side, top = across.min() - away if left else across.max() + away, up.mean() + gap * (len(ends) - 1) / 2
    for place, (name, head) in enumerate(ends):
        axes.annotate(name, head, (side, top - gap * place), ha="right" if left else "left", va="center", fontsize=8,
                      zorder=6, arrowprops=LEADER)


def _pairs(points):
    points = torch.as_tensor(points).detach().float().cpu().numpy()
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"valence and arousal are {list(points.shape)}, expected [N, 2]")
    return points


def _plane(axes, title):
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal", title=title or "",
             xlabel="valence: unpleasant to pleasant", ylabel="arousal: still to stirred")
    axes.axhline(0, color="#cccccc", lw=0.8, zorder=0)
    axes.axvline(0, color="#cccccc", lw=0.8, zorder=0)
    for (x, y), word in CORNERS.items():
        axes.text(x, y, word, color="#555555", fontsize=8, ha="left" if x < 0 else "right", clip_on=True,
                  va="top" if y > 0 else "bottom", zorder=8, bbox={"fc": "white", "ec": "none", "pad": 1, "alpha": 0.7})


def _groups(figure, axes, points, known, groups):
    if not groups.words:
        cloud = axes.scatter(*points[known].T, c=groups.values[known], s=12, plotnonfinite=True)
        figure.colorbar(cloud, ax=axes, shrink=0.6, label=groups.name)
        return
    for code, (word, colour, marker) in enumerate(zip(groups.words, groups.colours, groups.markers)):
        rows = known & (groups.codes == code)
        axes.scatter(*points[rows].T, color=colour, marker=marker, s=12 * area_of(marker), alpha=0.6, linewidths=0,
                     label=word)
    if len(groups.words) <= LEGEND:
        show_legend(axes, groups.name)


def _arrows(axes, start, end):
    axes.quiver(*start.T, *(end - start).T, angles="xy", scale_units="xy", scale=1, width=0.0035, color="#333333",
                alpha=0.7)
