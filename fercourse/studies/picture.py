"""The README's picture, what each method is worth; `python -m fercourse.studies.table` draws it."""

import hashlib
import json

from ..files import replacing
from ..plots.figure import new_figure, style
from ..plots.palette import COLOURS
from .record import paired, told
from .rows import EFFECTS

PICTURE = "docs/effects.png"
INK, PEER, HOPE = COLOURS["sadness"], "#555555", COLOURS["anger"]
BELOW = 0.36                              # of a row: where a peer stands, so that nothing hides it


def measured(content) -> list:
    """Return the effects both of whose arms have been run, each with its file's content.

    Args:
        content: the name of a results file -> what it says.
    """
    found = [(effect, content(effect.file)) for effect in EFFECTS]
    return [(effect, said) for effect, said in found
            if {effect.without[1], effect.method[1]} <= {arm for arm, told in said["summary"].items()
                                                         if effect.metric in told}]


def shown(content) -> str:
    """Return a fingerprint of all that the picture shows; the picture carries it."""
    facts = [(effect.lesson, effect.what, [said["summary"].get(arm, {}).get(effect.metric) for _, arm in
                                          (effect.without, effect.method, *effect.beside)], _gain(effect, said))
             for effect, said in measured(content)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def draw(content, path=PICTURE):
    """Draw every effect in a row: without the method, with it, its peers, and what one could hope for."""
    effects = measured(content)
    with style():
        figure, (axes,) = new_figure(9, 1.1 + 0.5 * len(effects))
        for row, (effect, said) in enumerate(effects):
            _row(axes, row, effect, said)
        axes.set(yticks=range(len(effects)), yticklabels=[f"{effect.lesson} · {effect.what}" for effect, _ in effects],
                 xlim=(0, 100), xlabel="per cent (CCC × 100)", title="What each method is worth")
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color="#eeeeee")
        axes.set_axisbelow(True)
        names = dict(zip(*reversed(axes.get_legend_handles_labels())))
        axes.legend(names.values(), names.keys(), loc="lower center", bbox_to_anchor=(0.25, 1.04), ncol=4)
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", bbox_inches="tight", metadata={"Description": shown(content)})


def _row(axes, row, effect, said):
    found = said["summary"]
    place = lambda arm: 100 * found[arm][effect.metric]["mean"]                                 # noqa: E731
    before, after = place(effect.without[1]), place(effect.method[1])
    axes.plot([before, after], [row, row], color=INK, lw=2.5, alpha=0.35, zorder=1)
    *peers, hope = [one for one in effect.beside if one[1] in found] or [None]
    for word, arm in peers:
        axes.plot(place(arm), row + BELOW, "x", color=PEER, ms=6, label="a peer")
        axes.text(place(arm) + 1.5, row + BELOW, word, va="center", fontsize=7, color=PEER)
    if hope:
        axes.plot(place(hope[1]), row, "|", color=HOPE, ms=14, mew=2.5, label="what one could hope for")
    axes.plot(before, row, "o", mfc="white", mec=INK, ms=8, label="without the method")
    axes.plot(after, row, "o", color=INK, ms=8, label="with it")
    gain = _gain(effect, said)
    sign = "+" if gain["mean"] > 0 else ""
    axes.text(99, row, f"{sign}{told(gain, seeds=False)}", ha="right", va="center", fontsize=8)


def _gain(effect, said):
    return paired(said["runs"], effect.method[1], effect.without[1], effect.metric)
