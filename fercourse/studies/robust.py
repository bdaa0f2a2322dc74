"""Which training survives wrong labels? Noise that is known, tests that are right, and each part of DR-FER alone.

DR-FER keeps every face in the batch, with weight 0 where it doubts. Arms that leave faces out, on the word of cleanlab
or of the truth, train for more epochs, so that all have as many steps: the metric `epochs` tells how many.
"""

from dataclasses import replace
from functools import lru_cache, partial

from ..evaluate import accuracy
from ..evaluate.report import predicted
from . import Place, Scale, loader, set_of, study, train_classifier
from .noise import by_heart
from .suspects import confident, found, most, out_of_sample

VIEW = ("none",)      # a regime in which a network learns by heart: few faces, no augmentation
AVERAGE = 0.99        # decay of averaged weights, wherever an arm has them
KINDS = {             # name -> kind and share of wrong labels
    "no noise": ("symmetric", 0.0), "10 %": ("symmetric", 0.1), "20 %": ("symmetric", 0.2),
    "30 %": ("symmetric", 0.3), "40 %": ("symmetric", 0.4), "one annotator": ("votes", 0.0),
    "few faces": ("symmetric", 0.3),
}
FEW = 3               # a third of the faces, in `few faces`
SIMULATED = ("10 %", "20 %", "40 %", "one annotator")                  # kinds that photographs go without
CORE = ("cross-entropy", "self-pacing", "DR-FER", "clean subset")      # arms beside `30 %` at small scales
BEGINNINGS = (1.0, 1.5, 2.0)           # Ashman's D, see `pacing.APART`
CLEANLAB = {          # how the faces are trained on that it leaves, and its own networks on two thirds of all
    "pruned by cleanlab": dict(),
    "pruned by cleanlab, averaged weights": dict(ema=AVERAGE),         # as DR-FER is judged
    "pruned by cleanlab, its networks for as long": dict(as_long=True),
}
OURS = {              # the parts of DR-FER, alone and together
    "masked images": dict(pace=False, relabel=False),
    "self-pacing": dict(reconstruct=0.0, relabel=False),
    "self-pacing, relabelling": dict(reconstruct=0.0),
    "masked images, self-pacing": dict(relabel=False),
    "DR-FER": dict(),
    "DR-FER, one pace for all": dict(by_class=False),
}


# Faces enough that a network understands before it knows by heart; what it is worth with fewer, `few faces` tells.
REGIME = dict(smoke=dict(limit=140), cpu=dict(limit=2700, epochs=16, batch_size=32), full=dict(limit=2700),
              on={"fer2013": dict(cpu=dict(limit=15000, epochs=12, batch_size=64), full=dict(limit=None))})


@study("robust", data="synthfaces/lab", **REGIME)
def arms(scale: Scale, data, root) -> dict:
    """Train on faces with wrong labels: cross-entropy, its usual cures, DR-FER and its parts, and the clean subset."""
    all_faces, few = (Place(spent, data, root) for spent in (
        scale, replace(scale, limit=scale.limit and scale.limit // FEW)))
    return {f"{kind}, {name}": partial(_arm, kind, way, few if kind == "few faces" else all_faces)
            for kind in _kinds(scale, data) for name, way in _ways().items() if _wanted(kind, name, scale.name)}


@study("robust-tuning", data="synthfaces/lab", **REGIME)
def tuning(scale: Scale, data, root) -> dict:
    """Begin to doubt earlier or later; scored on validation faces, never on test faces."""
    ways = {"cross-entropy": partial(_baseline, label_smoothing=0.0)} | {
        f"DR-FER, apart {apart:g}": partial(_ours, apart=apart) for apart in BEGINNINGS}
    return {f"30 %, {name}": partial(_arm, "30 %", way, Place(scale, data, root, "val"), peers=False)
            for name, way in ways.items()}


def _wanted(kind, name, scale):
    """Return whether an arm is offered: all of them under 30 %, fewer elsewhere at small scales.

    Not all of these were run on every set: docs/results.md says which were not.
    """
    if kind == "no noise" and name == "clean subset":
        return False                                             # there it is cross-entropy
    return scale == "full" or kind == "30 %" or name in CORE


def _kinds(scale, data):
    """Return the kinds of noise at a scale: fewer on photographs, and no `few faces` without a limit."""
    if scale.name == "smoke":
        return ["30 %"]
    missing = SIMULATED if not set_of(data).startswith("synthfaces") else ()
    return [kind for kind in KINDS if kind not in missing and (kind != "few faces" or scale.limit)]


def _ways():
    baselines = {"cross-entropy": dict(), "label smoothing": dict(label_smoothing=0.1),
                 "averaged weights": dict(ema=AVERAGE)}
    return {**{name: partial(_baseline, **hyper) for name, hyper in baselines.items()},
            **{name: partial(_pruned, **how) for name, how in CLEANLAB.items()},
            **{name: partial(_ours, **hyper) for name, hyper in OURS.items()}, "clean subset": _clean}


@lru_cache(maxsize=2)
def _faces(kind, place, seed):
    """Return the training faces under wrong labels, at the scale's size and number, and the test faces."""
    load, (noise, rate), scale = loader(place.data, place.root), KINDS[kind], place.scale
    train = scale.drawn(load("train").resize(scale.size), seed).with_noise(rate, noise, seed)
    return train, load(place.tested).resize(scale.size)


def _arm(kind, way, place, seed, peers=True):
    """Train one way; return the final accuracy, the best epoch's beside it, and what became of the wrong labels.

    `peers`: let cleanlab find as many wrong labels as DR-FER flags, for which it trains networks of its own.
    """
    faces, test = _faces(kind, place, seed)
    epochs = []

    def watch(epoch, method):
        epochs.append(accuracy(predicted(method, test), test.truth))
    shares = partial(_shares, kind, place, seed) if peers else None
    learner, facts = way(faces, place.scale, seed, watch, shares)
    return {"epochs": len(epochs), "accuracy": epochs[-1], "best_epoch": max(epochs),
            "wrong_labels": _wrong(faces).float().mean().item(), **by_heart(faces, predicted(learner, faces)), **facts}


def _baseline(faces, scale, seed, watch, shares, **hyper):
    hyper = {"label_smoothing": 0.0, **hyper}
    return train_classifier(faces, scale, seed, views=VIEW, watch=watch, **hyper), {}


def _clean(faces, scale, seed, watch, shares):
    """Train on the rightly labelled faces alone: the ceiling for whoever only leaves faces out."""
    return _without(_wrong(faces), faces, scale, seed, watch), {}


def _pruned(faces, scale, seed, watch, shares, as_long=False, **hyper):
    flagged, _ = confident(faces.labels, shares(as_long=as_long))
    return _without(flagged, faces, scale, seed, watch, **hyper), found(flagged, _wrong(faces))


def _without(left_out, faces, scale, seed, watch, **hyper):
    """Train on the other faces, bool [N], for so many more epochs that the steps are as many as on all of them."""
    kept = faces[~left_out]
    return _baseline(kept, scale.as_many_steps(len(kept), len(faces)), seed, watch, None, **hyper)[0]


def _ours(faces, scale, seed, watch, shares, **hyper):
    learner = train_classifier(faces, scale, seed, "dr-fer", views=VIEW, watch=watch, **hyper)
    return learner, _decisions(learner, faces, shares) if hyper.get("pace", True) else {}


def _decisions(learner, faces, shares):
    """Return how well wrong labels were found, cleanlab's F1 at as many flags, and how many new labels are right."""
    wrong, memory = _wrong(faces), {name: value.cpu() for name, value in learner.memory.items()}
    changed = memory["labels"] != memory["given"]
    flagged = memory["doubted"]
    facts = found(flagged, wrong)
    if wrong.any() and shares:
        _, doubt = confident(faces.labels, shares(as_long=False))
        facts["cleanlab_f1"] = found(most(doubt, int(flagged.sum())), wrong)["f1"]
    facts["relabelled"] = changed.float().mean().item()
    if changed.any():
        facts["new_labels_right"] = accuracy(memory["labels"][changed], faces.truth[changed])
    return facts


@lru_cache(maxsize=2)
def _shares(kind, place, seed, as_long):
    faces, _ = _faces(kind, place, seed)
    return out_of_sample(faces, place.scale, seed, as_long, views=VIEW)


def _wrong(faces):
    return faces.labels != faces.truth
