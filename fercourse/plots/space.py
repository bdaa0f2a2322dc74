"""Pictures of an embedding: points, points with faces, and how it forms over training."""

from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .arrays import as_array
from .faces import as_images
from .figure import Animation, lowest_alone, new_figure, style, styled
from .grouping import LAST, grouping
from .palette import area_of

LEGEND = 12        # more groups than this get no legend
TURNS = 6          # shares in which a group is drawn
DRAWN = 500        # points at most in a panel of a sequence


@styled
def embedding(points, faces, colour_by="labels", title=None, alt=None, caption=None):
    """Draw an embedding as points in the colour and shape of their emotion.

    Args:
        points: [N, 2], see `fercourse.embed.project`.
        faces: the FaceSet of the same N faces.
        colour_by: a column (`labels`, `identity`, `domain`, `age`, …), or one word or number a face, which may
            stand under a name for the legend: `{"person": words}`. The words `others` and `unknown` are grey.
        title: one line above.
        alt: what the picture shows; by default made from the groups.
        caption: what to look for.
    """
    points, groups = _plane(points, faces), grouping(faces, colour_by)
    frame = Frame.around([points])
    figure, (axes,) = new_figure(6.4, max(min(4.6 * frame.slope, 4.6) + 0.3, 0.2 * len(groups.words) + 0.6))
    without_ticks(axes, title, frame)                        # points stay where they are, however wide the legend is
    _scatter(axes, points, groups)
    _explain(figure, axes, groups)
    alt = alt or f"Embedding of {len(points)} faces, {groups.sentence()}{groups.nearby([points])}"
    return figure.describe(alt, caption)


@styled
def embedding_thumbnails(points, faces, colour_by="labels", most=150, size=0.36, seed=0, title=None, alt=None,
                         caption=None):
    """Draw an embedding with faces in it, where there is room: each in the colour and under the shape of its group.

    Args:
        points: [N, 2].
        faces: the FaceSet of the same N faces.
        colour_by: as in `embedding`.
        most: at most so many faces; `size` inches wide each.
        seed: decides which faces come first.
    """
    points, groups = _plane(points, faces), grouping(faces, colour_by)
    frame = Frame.around([points], beyond=0.15)             # no face is cut off
    figure, (axes,) = new_figure(7.8, min(6 * frame.slope, 7) + 0.3)
    without_ticks(axes, title, frame)
    _scatter(axes, points, groups, alpha=0.35)
    _explain(figure, axes, groups)
    room = np.full(2, size * frame.width / min(6, 7 / frame.slope))
    rows = _with_room(points, room, most, seed)
    looks = list(zip(groups.colours, groups.markers))
    for row, image in zip(rows, as_images(faces.images[rows])):
        look = looks[groups.codes[row]] if groups.words else ("#555555", "none")
        _thumbnail(axes, image, points[row], 0.46 * room, *look)
    alt = alt or (f"Embedding of {len(points)} faces, {len(rows)} of them shown, {groups.sentence()}"
                  f"{groups.nearby([points])}")
    return figure.describe(alt, caption)


@styled
def embedding_sequence(sequence, faces, titles=None, colour_by="labels", columns=4, alt=None, caption=None):
    """Draw an embedding at several moments side by side, all on the same scale.

    Of many faces 500 are drawn, the same at all moments: in small panels more would hide each other's shapes.

    Args:
        sequence: one [N, 2] a moment, see `fercourse.embed.aligned_sequence`.
        faces: the FaceSet of the same N faces.
        titles: one short text a moment, such as `"epoch 3"`.
    """
    sequence, titles = _moments(sequence, faces, titles)
    groups, columns = grouping(faces, colour_by), min(columns, len(sequence))
    rows, frame = -(-len(sequence) // columns), Frame.around(sequence)
    wide = min(2.8, 8.6 / columns)                           # of a panel: a page has room for 10 inches
    height = max(((wide - 0.1) * frame.slope + 0.3) * rows, 0.2 * len(groups.words) + 0.6)    # the legend has room
    figure, panels = new_figure(wide * columns + 1.3, height, rows, columns)
    drawn = np.sort(np.random.default_rng(0).permutation(len(faces))[:DRAWN])
    for axes, points, title in zip(panels, sequence, titles):
        without_ticks(axes, title, frame)
        _scatter(axes, points[drawn], groups.of(drawn), size=float(np.clip(7000 / max(len(drawn), 1), 14, 24)))
    lowest_alone(panels, len(sequence), columns)
    _explain(figure, panels[:columns], groups)
    some = f", {len(drawn)} of them drawn," if len(drawn) < len(faces) else ""
    alt = alt or _sequence_alt(f"{some} side by side", faces, titles, groups, sequence)
    return figure.describe(alt, caption)


def embedding_animation(sequence, faces, titles=None, colour_by="labels", between=8, seconds=0.08, pause=1.0,
                        alt=None, caption=None):
    """Return an animated GIF in which the points glide from moment to moment.

    It has (moments - 1) x `between` + 1 frames.

    Args:
        sequence: one [N, 2] a moment, see `fercourse.embed.aligned_sequence`.
        faces: the FaceSet of the same N faces.
        titles: one short text a moment.
        between: frames from one moment to the next.
        seconds: of a frame; `pause`: of the frames that show a moment itself.
    """
    sequence, titles = _moments(sequence, faces, titles)
    groups, frame = grouping(faces, colour_by), Frame.around(sequence)
    with style(math=False):
        figure, (axes,) = new_figure(5.6, 4.2 * frame.slope + 0.3)
        without_ticks(axes, titles[0], frame)
        clouds = _scatter(axes, sequence[0], groups)
        _explain(figure, axes, groups)
        frames = []
        for step in range((len(sequence) - 1) * between + 1):
            points, moment = _glide(sequence, step / between)
            for cloud, rows in clouds:
                cloud.set_offsets(points[rows])
            axes.set_title(titles[moment])
            frames.append(figure.pixels(dpi=100))
    times = [pause if step % between == 0 else seconds for step in range(len(frames))]
    alt = alt or _sequence_alt(" in motion", faces, titles, groups, sequence)
    return Animation(frames, times).describe(alt, caption)


def _plane(points, faces):
    points = as_array(points)
    if points.shape != (len(faces), 2):
        raise InputError(f"points are {list(points.shape)}, expected [{len(faces)}, 2] like the faces")
    return points


def _moments(sequence, faces, titles):
    titles = [f"moment {i}" for i in range(len(sequence))] if titles is None else list(titles)
    if not len(sequence) or len(titles) != len(sequence):
        raise InputError(f"{len(titles)} titles for {len(sequence)} moments, expected one a moment")
    return [_plane(points, faces) for points in sequence], titles


def _sequence_alt(how, faces, titles, groups, sequence):
    called = "moments" if how.endswith("motion") else "panels"
    return (f"Embedding of {len(faces)} faces{how}, {moments_told(titles, called)}, {groups.sentence()}"
            f"{groups.nearby(sequence, titles)}")


def moments_told(titles, called="panels"):
    """Return in words how many there are, and which, or the first and the last of many."""
    if len(titles) == 1:
        return str(titles[0])
    which = ", ".join(map(str, titles)) if len(titles) <= 4 else f"{titles[0]} to {titles[-1]}"
    return f"{len(titles)} {called}: {which}"


class Frame(NamedTuple):
    """The part of the plane that all panels show, so that one scale holds for all and none is half empty.

    Attributes:
        low, high: [2] corners.
    """

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def around(cls, sequence, beyond=0.04):
        """Return a frame that holds nearly every point of every moment, neither a tower nor a ribbon.

        Args:
            beyond: share of it that is left free on every side.
        """
        low, high = (pick([np.quantile(points, share, axis=0) for points in sequence], axis=0)
                     for pick, share in ((np.min, 0.001), (np.max, 0.999)))
        middle, half = (low + high) / 2, (0.5 + beyond) * (high - low)
        half = np.maximum(half, half.max() / [1.3, 2.5]) if half.any() else np.ones(2)
        return cls(middle - half, middle + half)

    @property
    def width(self):
        return self.high[0] - self.low[0]

    @property
    def slope(self):
        """Height by width, 0.4 to 1.3."""
        return (self.high[1] - self.low[1]) / self.width


def without_ticks(axes, title, frame):
    """Take away ticks: the axes of an embedding have no unit and no meaning."""
    (left, bottom), (right, top) = frame
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(left, right), ylim=(bottom, top))
    axes.spines[:].set_visible(False)
    axes.set_facecolor("#fafafa")
    axes.set_anchor("W")
    axes.set_title(title or "")


def _scatter(axes, points, groups, size=None, alpha=0.8):
    """Draw every group in its colour and shape; returns [(artist, rows)].

    Groups take turns in small shares, so that none lies on top of all others; grey ones lie beneath.
    """
    size = size or float(np.clip(9000 / max(len(points), 1), 6, 36))
    look = {"s": size, "alpha": alpha, "linewidths": 0}
    if not groups.words:
        rows = np.arange(len(points))
        return [(axes.scatter(*points.T, c=groups.values, plotnonfinite=True, **look), rows)]
    clouds = []
    for turn in range(TURNS):
        for code, (word, colour, marker) in enumerate(zip(groups.words, groups.colours, groups.markers)):
            rows = np.flatnonzero(groups.codes == code)[turn::TURNS]
            label = None if turn else word
            cloud = axes.scatter(*points[rows].T, color=colour, marker=marker, label=label,
                                 zorder=1 if word in LAST else 2, **look | {"s": size * area_of(marker)})
            clouds.append((cloud, rows))
    return clouds


def _explain(figure, axes, groups):
    """Add a legend, or a colour bar where the points lie along a scale."""
    first = axes[0] if isinstance(axes, list) else axes
    if not groups.words:
        bar = figure.colorbar(first.collections[0], ax=axes, shrink=0.7, label=groups.name, panchor=False)
        bar.outline.set_visible(False)
    elif len(groups.words) <= LEGEND:
        show_legend(axes, groups.name)


def show_legend(axes, name):
    """Put one legend for all axes to the right of the last, under the name of the column."""
    first, last = (axes[0], axes[-1]) if isinstance(axes, list) else (axes, axes)
    handles, words = first.get_legend_handles_labels()
    legend = last.legend(handles, words, loc="center left", bbox_to_anchor=(1.02, 0.5), alignment="left",
                         title=name.replace("_", " "))
    smallest = min((handle.get_sizes()[0] for handle in legend.legend_handles), default=1)
    for handle in legend.legend_handles:
        handle.set(alpha=1, sizes=handle.get_sizes() * 30 / smallest)


def _with_room(points, room, most, seed):
    """Return rows whose thumbnails of size `room` do not overlap, at most `most`."""
    chosen = []
    for row in np.random.default_rng(seed).permutation(len(points)):
        if all((np.abs(points[row] - points[other]) > room).any() for other in chosen):
            chosen.append(int(row))
        if len(chosen) == most:
            break
    return chosen


def _thumbnail(axes, image, centre, half, colour, marker):
    """Draw one framed face, a marker on its corner; the frame is the ground it stands on, a little larger."""
    (x, y), (w, h) = centre, half
    axes.fill([x - w, x + w, x + w, x - w], [y - h, y - h, y + h, y + h], ec=colour, lw=3, zorder=3)
    axes.imshow(image, extent=(x - w, x + w, y - h, y + h), interpolation="lanczos", zorder=4, aspect="equal")
    axes.plot(x - 0.9 * w, y + 0.9 * h, marker, color=colour, ms=8 * area_of(marker)**0.5, mec="white", mew=0.8,
              zorder=5)


def _glide(sequence, moment):
    """Return the points at a fractional moment, eased at both ends, and the whole moment nearest to it."""
    first = min(int(moment), len(sequence) - 1)
    share = moment - first
    eased = share * share * (3 - 2 * share)
    later = sequence[min(first + 1, len(sequence) - 1)]
    return (1 - eased) * sequence[first] + eased * later, first + (share > 0.5)
