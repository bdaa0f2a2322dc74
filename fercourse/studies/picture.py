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
BESIDE = (0.3, -0.3, -0.3)    # of a row: where peers stand, the first below and the others above, not to be hidden


def shown(content) -> str:
    """Return a fingerprint of all that the picture shows; the picture carries it.

    Args:
        content: the name of a results file -> what it says.
    """
    facts = [(effect.lesson, effect.what, effect.gains(said)) for effect, said in measured(content)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def draw(content, path=PICTURE):
    """Draw what every effect gains, what its peers gain, and what one could hope for; a row each, under its lesson."""
    effects = measured(content)
    rows = _rows([effect for effect, _ in effects])
    with style():
        figure, (axes,) = new_figure(9, 1.1 + 0.4 * len(rows))
        axes.axvline(0, color=PEER, lw=1, zorder=0)
        for row, (effect, said) in zip((row for row, (_, new) in enumerate(rows) if not new), effects):
            _row(axes, row, effect, said)
        axes.set(yticks=range(len(rows)), yticklabels=[word for word, _ in rows], ylim=(len(rows) - 0.5, -0.7),
                 xlim=(LEAST, MOST), xticks=range(-10, 61, 10), title="What each method is worth",
                 xlabel="points better than without the method (of accuracy, recall, or 100 × CCC)")
        for label, (_, new) in zip(axes.get_yticklabels(), rows):
            label.set(weight="bold" if new else "normal", color="#222222" if new else "#444444")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#eeeeee")
        axes.set_axisbelow(True)
        names = dict(zip(*reversed(axes.get_legend_handles_labels())))
        figure.legend(names.values(), names.keys(), loc="outside upper right", ncol=len(names))
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", bbox_inches="tight", metadata={"Description": shown(content)})


def _rows(effects):
    """Return (text, whether it is a lesson's name) of every row from above: a lesson's effects stand under its name."""
    rows = []
    for before, effect in zip((None, *effects), effects):
        if before is None or before.lesson != effect.lesson:
            rows.append((effect.lesson, True))
        rows.append((effect.what.removesuffix(", accuracy").removesuffix(", mean recall"), False))
    return rows


def _row(axes, row, effect, said):
    gains = effect.gains(said)
    [(_, method)] = gains["method"]
    gain, half = 100 * method["mean"], half_width(method)
    if half is None:
        axes.plot(gain, row, "o", color=INK, mfc="white", ms=7, zorder=3, label="the method, one seed")
    else:
        axes.plot([gain - 100 * half, gain + 100 * half], [row, row], color=INK, lw=2.5, alpha=0.35, zorder=1,
                  label=WITH)
        axes.plot(gain, row, "o", color=INK, ms=7, zorder=3, label=WITH)
    for (word, peer), beside in zip(gains["peers"], BESIDE):
        axes.plot(100 * peer["mean"], row + beside, "x", color=PEER, ms=6, label="a simpler peer")
        axes.text(100 * peer["mean"] + 1.1, row + beside, word, va="center", fontsize=7, color=PEER)
    for _, hope in gains["hope"]:
        axes.plot(100 * hope["mean"], row, "|", color=HOPE, ms=13, mew=2.5, zorder=1,
                  label="given what the method lacks")
