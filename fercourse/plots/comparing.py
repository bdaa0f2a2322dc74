"""Pictures of many methods at once: what each gains where, who beats whom, and how sure that is."""

import numpy as np
from matplotlib.transforms import Bbox

from .arrays import as_array
from .figure import lowest_alone, new_figure, styled
from .palette import COLOURS, method_look

NEAR = [(8, 0), (-8, 0), (8, 10), (8, -10), (-8, 10), (-8, -10), (10, 16), (10, -16), (-10, 16), (-10, -16)]
LEADER = {"arrowstyle": "-", "color": "#aaaaaa", "lw": 0.6, "shrinkA": 0, "shrinkB": 4}


@styled
def gains(found, against="baseline", title=None, alt=None, caption=None):
    """Draw how many points each method gains over another: a panel a circumstance, a dot a seed, a bar for the mean.

    Args:
        found: circumstance -> method -> differences, one a seed, in shares (0.01 is a point).
        against: the method at zero, for the axis.
    """
    names = list(dict.fromkeys(name for methods in found.values() for name in methods))
    rows = 1 if len(found) <= 3 else 2                       # more beside one another are too small for a phone
    across = -(-len(found) // rows)
    width = 2.4 * across + 0.07 * max(map(len, names)) + 0.2         # with room for the names
    figure, panels = new_figure(width, (0.3 * len(names) + 0.5) * rows + 0.6, rows, across, sharex=True, sharey=True)
    for axes, (circumstance, methods) in zip(panels, found.items()):
        axes.axvline(0, color="#555555", linewidth=0.8)
        for row, name in enumerate(names):
            values, look = 100 * as_array(methods.get(name, ()), float), method_look(name, names)
            if len(values):
                axes.plot(values, np.full(len(values), row), linestyle="", alpha=0.55, markersize=5, **look)
                axes.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=look["color"], linewidth=2.5)
        axes.set_title(circumstance)
        axes.set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    lowest_alone(panels, len(found), across)
    figure.supxlabel(f"points more than {against}", fontsize=9)
    figure.suptitle(title or "", x=0.01, ha="left", fontsize=10, fontweight="bold")
    summary = "; ".join(f"{circumstance}: " + ", ".join(f"{n} {100 * np.mean(v):+.1f}" for n, v in methods.items())
                        for circumstance, methods in found.items())
    return figure.describe(alt or f"Points gained over {against}, mean over seeds. {summary}.", caption)


@styled
def seeds(found, against=None, alike=True, title=None, alt=None, caption=None):
    """Draw what the arms of a study reach: a panel a measure, a row an arm, a dot a seed, a bar for the mean.

    Args:
        found: measure -> arm -> values, one a seed, in shares; see `fercourse.studies.record.seeds_of`.
        against: an arm whose mean is drawn through all rows, to compare with.
        alike: the measures are compared with one another, so their panels have one scale.
    """
    names = list(dict.fromkeys(name for arms in found.values() for name in arms))
    figure, panels = new_figure(0.07 * max(map(len, names)) + 2.9 * len(found) + 0.4, 0.27 * len(names) + 0.9, 1,
                                len(found), sharex=alike, sharey=True)
    for axes, (measure, arms) in zip(panels, found.items()):
        for row, name in enumerate(names):
            values = 100 * as_array(arms.get(name, ()), float)
            axes.plot(values, np.full(len(values), row), "o", ms=5, alpha=0.7, color=COLOURS["sadness"])
            axes.plot(values.mean() if len(values) else [], row if len(values) else [], "|", ms=14, mew=2,
                      color=COLOURS["anger"])
            if not len(values):
                axes.text(0.5, row, "not measured", color="#777777", fontsize=8, ha="center", va="center",
                          transform=axes.get_yaxis_transform())
        if against:
            axes.axvline(100 * np.mean(arms[against]), color="#999999", lw=1, ls="--", zorder=0)
        axes.grid(axis="x", color="#eeeeee")
        axes.set(yticks=range(len(names)), yticklabels=names, xlabel=f"{measure}, %")
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(title or "", x=0.01, ha="left", fontsize=10, fontweight="bold")
    summary = "; ".join(f"{measure}: " + ", ".join(f"{n} {100 * np.mean(v):.1f}" for n, v in arms.items())
                        for measure, arms in found.items())
    return figure.describe(alt or f"A dot for every seed, a row for every way; means in per cent. {summary}.", caption)


@styled
def matrix(values, rows, columns=None, percent=True, title=None, alt=None, caption=None):
    """Draw a table of shares from 0 to 1 as colours with their numbers, such as wins or likeness of features.

    Args:
        values: [R, C]; rows, columns: their names, the same where columns are not given.
    """
    values, columns = as_array(values, float), list(columns or rows)
    written = np.vectorize(lambda value: f"{100 * value:.0f}" if percent else f"{value:.2f}")(values)
    figure, (axes,) = new_figure(0.75 * len(columns) + 1.9, 0.5 * len(rows) + 1.3)
    axes.imshow(values, vmin=0, vmax=1, aspect="auto")
    for place, value in np.ndenumerate(values):
        axes.text(place[1], place[0], written[place], ha="center", va="center",
                  color="black" if value > 0.47 else "white")
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.spines[:].set_visible(False)
    axes.set_title(title or "")
    summary = "; ".join(f"{name}: " + ", ".join(f"{c} {v}" for c, v in zip(columns, row))
                        for name, row in zip(rows, written))
    return figure.describe(alt or f"{title or 'A matrix of shares'}. {summary}.", caption)


@styled
def critical_difference(mean_ranks, difference, title=None, alt=None, caption=None):
    """Draw mean ranks on a line; a bar joins methods that the test does not tell apart (Demšar 2006).

    Args:
        mean_ranks: method -> mean rank, 1 is best; difference: the critical one, `evaluate.critical_difference`.
    """
    order = sorted(mean_ranks, key=mean_ranks.get)
    values = [mean_ranks[name] for name in order]
    bars = _alike(values, difference)
    half, low = (len(order) + 1) // 2, -0.6 * len(bars)
    figure, (axes,) = new_figure(6.5, 0.26 * half + 0.18 * len(bars) + 0.9)
    for row, (name, value) in enumerate(zip(order, values)):
        left, y = row < half, low - 1 - (row if row < half else len(order) - 1 - row)
        edge = 0.9 if left else len(order) + 0.1
        axes.plot([value, value, edge], [0, y, y], color="#999999", linewidth=0.8, zorder=1)
        axes.plot(value, 0, markersize=7, clip_on=False, **method_look(name, mean_ranks))
        axes.text(edge, y, f"{name}  {value:.1f} " if left else f" {value:.1f}  {name}", va="center",
                  ha="right" if left else "left")
    for row, (first, last) in enumerate(bars):
        axes.plot([values[first] - 0.04, values[last] + 0.04], [-0.6 * (row + 1)] * 2, color="#222222", linewidth=3.5,
                  solid_capstyle="butt")
    axes.set_xlim(0, len(order) + 1)
    axes.set_xticks(range(1, len(order) + 1))
    axes.xaxis.tick_top()
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.spines["top"].set_visible(True)
    axes.set_title(title or "", pad=22)
    summary = ", ".join(f"{name} {value:.1f}" for name, value in zip(order, values))
    return figure.describe(alt or f"Mean ranks, best first: {summary}. Critical difference {difference:.1f}.", caption)


def _alike(values, difference):
    """Return the widest runs (first, last) of sorted ranks that lie within the difference of each other."""
    runs = []
    for first, value in enumerate(values):
        last = max(i for i, other in enumerate(values) if other - value <= difference)
        if last > first and not (runs and runs[-1][1] >= last):
            runs.append((first, last))
    return runs


@styled
def cost(points, xlabel="minutes of training", ylabel="", title=None, alt=None, caption=None):
    """Draw what each method gives against what it costs, with the spread of both.

    Args:
        points: method -> ((cost mean, sd), (gain mean, sd)); an sd of None draws no bar.
    """
    figure, (axes,) = new_figure(7.5, 3.8)
    axes.axhline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
    for name, ((x, dx), (y, dy)) in points.items():
        axes.errorbar(x, y, xerr=dx, yerr=dy, linestyle="", markersize=7, capsize=2, elinewidth=1, label=name,
                      **method_look(name, points))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.margins(0.15)
    axes.set_title(title or "")
    _name_beside(axes, points)
    summary = ", ".join(f"{name} {x:.1f} and {y:.2f}" for name, ((x, _), (y, _)) in points.items())
    return figure.describe(alt or f"{ylabel} against {xlabel}: {summary}.", caption)


def _name_beside(axes, points):
    """Write each name close to its point, where it hides no mark and no other name; a grey line where it is moved."""
    axes.figure.draw_without_rendering()                     # then places in pixels are known
    taken = [_around(axes, *point) for point in points.values()]
    for name, ((x, _), (y, _)) in points.items():
        look = {"textcoords": "offset points", "va": "center", "fontsize": 8}
        ways = [look | {"xytext": place, "ha": "left" if place[0] > 0 else "right"} for place in NEAR]
        boxes = [_room(axes, name, (x, y), way) for way in ways]
        free = [sum(box.overlaps(other) for other in taken) + 3 * (not _within(box, axes.bbox)) for box in boxes]
        best = free.index(min(free))
        axes.annotate(name, (x, y), **ways[best], arrowprops=LEADER if ways[best]["xytext"][1] else None)
        taken.append(boxes[best])


def _around(axes, across, up, margin=5):
    """Return the box in pixels of a mark and its bars, both (mean, spread or None)."""
    middle, half = np.array([[value, spread or 0] for value, spread in (across, up)]).T
    low, high = axes.transData.transform([middle - half, middle + half])
    return Bbox([low - margin, high + margin])


def _room(axes, name, point, way):
    """Return the box in pixels that a name would take."""
    text = axes.annotate(name, point, **way)
    box = text.get_window_extent()
    text.remove()
    return box


def _within(box, outer):
    return outer.x0 <= box.x0 and box.x1 <= outer.x1 and outer.y0 <= box.y0 and box.y1 <= outer.y1
