"""Pictures of contrast: who attracts and repels whom, and where the loss pulls each view."""

import numpy as np

from .arrays import as_array
from .figure import new_figure, styled
from .palette import area_of, colours_of, markers_of

ATTRACTS, REPELS, IGNORED, ONESELF = "#2c6fbb", "#f2a65a", "#ffffff", "#cfcfcf"
FRAME = {"fill": False, "ec": "#222222", "lw": 1.8, "clip_on": False}


@styled
def pair_masks(masks, words, marked=(), alt=None, caption=None):
    """Draw pair masks beside one another: blue attracts, orange repels, white is ignored, grey is oneself.

    At two edges of each mask stand the classes of the views, in their colours and shapes.

    Args:
        masks: name -> (positive, kept), boolean [M, M] each, as `losses.contrastive.Pairs.masks` gives them.
        words: the class of every view, M words.
        marked: views, counted from 0, whose row and column are framed.
        alt: what the picture shows.
        caption: what to look for.
    """
    from matplotlib.patches import Rectangle
    figure, axes = new_figure(2.7 * len(masks) + 1.9, 3.3, columns=len(masks))
    for panel, (name, (positive, kept)) in zip(axes, masks.items()):
        _mask(panel, name, as_array(positive), as_array(kept), words)
        for view in marked:
            panel.add_patch(Rectangle((-0.5, view - 0.5), len(words), 1, **FRAME))
            panel.add_patch(Rectangle((view - 0.5, -0.5), 1, len(words), **FRAME))
    _key(figure, {"attracts": ATTRACTS, "repels": REPELS, "ignored": IGNORED, "oneself": ONESELF})
    _classes(figure, words)
    summary = "; ".join(f"{name}: {int(p.sum())} cells attract, {int((k & ~p).sum())} repel" for name, (p, k)
                        in masks.items())
    return figure.describe(alt or f"Pair masks of {len(words)} views. {summary}", caption)


@styled
def pulls(points, slopes, words, captions=None, alt=None, caption=None):
    """Draw views on the unit circle, and where each is pulled.

    Args:
        points: [M, 2] on the circle.
        slopes: name -> gradient of a loss [M, 2] at the points; the arrows go the other way, on one scale.
        words: the class of every point; captions: one short text a point.
    """
    points = as_array(points)
    arrows = {name: -as_array(slope) for name, slope in slopes.items()}
    scale = 0.55 / max(np.linalg.norm(arrow, axis=1).max() for arrow in arrows.values())
    figure, axes = new_figure(2.9 * len(slopes) + 1.0, 3.2, columns=len(slopes))
    for panel, (name, arrow) in zip(axes, arrows.items()):
        _circle(panel, name)
        _points(panel, points, words, captions)
        panel.quiver(*points.T, *(scale * arrow).T, angles="xy", scale_units="xy", scale=1, width=0.011,
                     color="#222222", zorder=4)
    _classes(figure, words)
    return figure.describe(alt or f"{len(points)} views on a circle with arrows that show where {', '.join(slopes)} "
                                  "pull them", caption)


def _mask(axes, name, positive, kept, words):
    from matplotlib.colors import ListedColormap
    values = np.where(positive, 0, np.where(kept, 1, 2))
    np.fill_diagonal(values, 3)
    count = len(words)
    axes.pcolormesh(np.arange(count + 1) - 0.5, np.arange(count + 1) - 0.5, values, vmin=0, vmax=3, lw=0.5,
                    cmap=ListedColormap([ATTRACTS, REPELS, IGNORED, ONESELF]), edgecolors="#e5e5e5")
    axes.set(xticks=[], yticks=[], xlim=(-1.7, count - 0.5), ylim=(count - 0.5, -1.7), title=name, aspect="equal")
    axes.spines[:].set_visible(False)
    for place, (colour, marker) in enumerate(_looks(words)):
        axes.scatter([place, -1.1], [-1.1, place], c=colour, marker=marker, linewidths=0,
                     s=min(400 / count, 55) * area_of(marker))


def _key(figure, colours):
    from matplotlib.patches import Patch
    handles = [Patch(facecolor=colour, edgecolor="#888888", linewidth=0.5, label=name)
               for name, colour in colours.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _looks(words):
    """Return the colour and marker of every word: equal words have one look, whatever they are."""
    distinct = list(dict.fromkeys(words))
    looks = dict(zip(distinct, zip(colours_of(distinct), markers_of(distinct))))
    return [looks[word] for word in words]


def _classes(figure, words):
    """Put a legend of the classes to the right of all panels."""
    from matplotlib.lines import Line2D
    looks = dict(zip(words, _looks(words)))
    figure.legend(handles=[Line2D([], [], ls="", color=colour, marker=marker, ms=6 * area_of(marker)**0.5, label=word)
                           for word, (colour, marker) in looks.items()], loc="outside right center")


def _circle(axes, name):
    around = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(around), np.sin(around), color="#cccccc", lw=0.8, zorder=0)
    axes.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", xticks=[], yticks=[], title=name)
    axes.spines[:].set_visible(False)


def _points(axes, points, words, captions):
    for point, (colour, marker) in zip(points, _looks(words)):
        axes.scatter(*point, c=colour, marker=marker, s=55 * area_of(marker), zorder=3)
    for point, text in zip(points, captions or ()):
        axes.annotate(text, 0.8 * point, ha="center", va="center", fontsize=8, color="#555555")
