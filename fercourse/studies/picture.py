"""The README's picture, what each method is worth; `python -m fercourse.studies.table` draws it."""

import hashlib
import json

from ..files import replacing
from ..plots.figure import new_figure, style
from ..plots.palette import COLOURS
from .effects import measured

PICTURE = "docs/effects.png"
INK, PEER, HOPE = COLOURS["sadness"], "#555555", COLOURS["anger"]
WIDTH = 112           # the differences stand beyond 100 per cent
BESIDE = 0.3          # of a row: where peers stand, the first below and the second above, so that nothing hides them


def shown(content) -> str:
    """Return a fingerprint of all that the picture shows; the picture carries it.

    Args:
        content: the name of a results file -> what it says.
    """
    facts = [(effect.lesson, effect.what, effect.read(said), effect.gain(said)) for effect, said in measured(content)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def draw(content, path=PICTURE):
    """Draw every effect in a row: without the method, with it, its peers, and what one could hope for."""
    effects = measured(content)
    with style():
        figure, (axes,) = new_figure(9, 1.1 + 0.55 * len(effects))
        for row, (effect, said) in enumerate(effects):
            _row(axes, row, effect, said)
        axes.set(yticks=range(len(effects)), yticklabels=[f"{effect.lesson} · {effect.what}" for effect, _ in effects],
                 ylim=(len(effects) - 0.5, -0.5), xlim=(0, WIDTH), xticks=range(0, 101, 20),
                 xlabel="per cent (CCC × 100)", title="What each method is worth")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#eeeeee")
        axes.set_axisbelow(True)
        names = dict(zip(*reversed(axes.get_legend_handles_labels())))
        axes.legend(names.values(), names.keys(), loc="lower center", ncol=4,
                    bbox_to_anchor=(0.15, 1 + 0.5 / len(effects)))
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", bbox_inches="tight", metadata={"Description": shown(content)})


def _row(axes, row, effect, said):
    place = {part: [(word, 100 * found["mean"]) for word, found in ways] for part, ways in effect.read(said).items()}
    [(_, before)], [(_, after)] = place["without"], place["method"]
    axes.plot([before, after], [row, row], color=INK, lw=2.5, alpha=0.35, zorder=1)
    axes.plot(before, row, "o", mfc="white", mec=INK, ms=8, label="without the method")
    axes.plot(after, row, "o", color=INK, ms=8, label="with it")
    for (word, at), height in zip(place["peers"], (row + BESIDE, row - BESIDE)):
        axes.plot(at, height, "x", color=PEER, ms=6, label="a simpler peer")
        axes.text(at + 1.5, height, word, va="center", fontsize=7, color=PEER)
    for _, at in place["hope"]:
        axes.plot(at, row, "|", color=HOPE, ms=14, mew=2.5, zorder=1, label="what one could hope for")
    axes.text(WIDTH - 1, row, effect.gain(said)[0], ha="right", va="center", fontsize=8)
