"""The README's picture, what each method is worth; `python -m fercourse.studies.table` draws it."""

import hashlib
import json

from ..files import replacing
from ..plots.figure import new_figure, style
from ..plots.palette import COLOURS
from .effects import measured
from .record import half_width

PICTURE = "docs/effects.png"
INK, PEER, HOPE = COLOURS["sadness"], "#555555", COLOURS["anger"]
WITH = "the method, 95 % interval"
LEAST, MOST = -18, 72         # points


def shown(content) -> str:
    """Return a fingerprint of all that the picture shows; the picture carries it.

    Args:
        content: the name of a results file -> what it says.
    """
    facts = [(effect.lesson, effect.what, effect.gains(said)) for effect, said in measured(content)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def draw(content, path=PICTURE):
    """Draw what every effect gains, what its peers gain, and what one could hope for; under its lesson, a row each."""
    effects = measured(content)
    rows = _rows(effects)
    with style():
        figure, (axes,) = new_figure(9, 1.1 + 0.22 * len(rows))
        axes.axvline(0, color=PEER, lw=1, zorder=0)
        for row, (_, _, effect) in enumerate(rows):
            if effect:
                _row(axes, row, *effect)
        axes.set(yticks=range(len(rows)), yticklabels=[word for word, _, _ in rows], ylim=(len(rows) - 0.5, -0.7),
                 xlim=(LEAST, MOST), xticks=range(-10, 71, 10), title="What each method is worth",
                 xlabel="points better than without the method (of accuracy, recall, or 100 × CCC)")
        for label, (_, look, _) in zip(axes.get_yticklabels(), rows):
            label.set(**look)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", top=True, labeltop=True)
        for row, (_, look, _) in enumerate(rows):            # the picture is taller than a screen
            if row and "weight" in look:
                for tick in axes.get_xticks():
                    axes.text(tick, row, f"{tick:.0f}".replace("-", "−"), color=PEER, fontsize=7, ha="center",
                              va="center")
        axes.grid(axis="x", color="#eeeeee")
        axes.set_axisbelow(True)
        names = dict(zip(*reversed(axes.get_legend_handles_labels())))
        for place in ("upper", "lower"):
            figure.legend(names.values(), names.keys(), loc=f"outside {place} right", ncol=len(names))
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", bbox_inches="tight", metadata={"Description": shown(content)})


def _rows(effects):
    """Return (text, its look, what to draw or None) of every row from above.

    A lesson's effects stand under its name, and each effect's peers under it, where nothing hides their names.
    """
    rows, lesson = [], None
    for effect, said in effects:
        if effect.lesson != lesson:
            rows.append((effect.lesson, {"weight": "bold", "color": "#000000"}, None))
        lesson, what = effect.lesson, effect.what.removesuffix(", accuracy").removesuffix(", mean recall")
        rows.append((what, {"color": "#222222"}, (effect, said)))
        rows += [(word, {"color": PEER, "style": "italic"}, None) for word, _ in effect.gains(said)["peers"]]
    return rows


def _row(axes, row, effect, said):
    """Draw an effect in its row, and its peers in the rows below it."""
    gains = effect.gains(said)
    [(_, method)] = gains["method"]
    gain, half = 100 * method["mean"], half_width(method)
    if half is None:
        axes.plot(gain, row, "o", color=INK, mfc="white", ms=7, zorder=3, label="the method, one seed")
    else:
        axes.plot([gain - 100 * half, gain + 100 * half], [row, row], color=INK, lw=2.5, alpha=0.35, zorder=1,
                  label=WITH)
        axes.plot(gain, row, "o", color=INK, ms=7, zorder=3, label=WITH)
    for below, (_, peer) in enumerate(gains["peers"], 1):
        axes.plot(100 * peer["mean"], row + below, "x", color=PEER, ms=6, mew=1.5, label="a simpler peer")
    for _, hope in gains["hope"]:
        axes.plot(100 * hope["mean"], row, "|", color=HOPE, ms=11, mew=2.5, zorder=1,
                  label="given what the method lacks")
