"""Does taking identity out of the expression feature help on people, and groups, that were never seen?

Trained where skin tone predicts valence (nine faces of ten), or without the darkest tones; tested on strangers
among whom neither holds. Sets without attributes (real photographs) are classified, with retrieved attributes.
"""

from dataclasses import replace
from functools import partial

import torch

from .. import evaluate as ev
from ..evaluate.probes import has_leak
from ..look import see_all
from ..models.attributes import ATTRIBUTES, in_groups, retrieve
from . import Scale, loader, study, train_classifier

STRENGTH, DARK = 0.9, 9                  # of the confounding; tones from here on are left out of `unseen` training
TAUGHT = 1000                            # faces that teach the probes

# The loss of the method, and of every arm but `PLAIN`, is twice the baseline's (squared error and 1 - CCC), and ELIM's
# (1 - PCC) / 2 beside it. So "baseline, weighed" differs in its weights alone from "baseline, the method's loss".
PLAIN = {"method": "baseline"}
BARE = {"method": "id-invariant", "residual": "none", "agreement": 0.0, "information": 0.0}     # weighed, nothing else
ODD = {"method": "id-invariant", "even": False}                          # faces all count alike
OURS = {"method": "id-invariant"}                                        # the method as it is by default
ARMS = {
    "baseline": PLAIN,
    "baseline, the method's loss": BARE | {"even": False},
    "baseline, weighed": BARE,
    "baseline + adversary": ODD | BARE | {"even": False, "estimator": "adversary", "information": 1.0},
    "residual": ODD | {"agreement": 0.0, "information": 0.0},
    "+ agreement": ODD | {"information": 0.0},
    "+ vCLUB": ODD | {"given_label": False},
    "+ vCLUB beyond the label": ODD,
    "+ weighed (the whole)": OURS,
    "whole, InfoNCE": OURS | {"estimator": "infonce"},
    "whole, relative": OURS | {"estimator": "relative"},
    "whole, adversary": OURS | {"estimator": "adversary", "information": 1.0},
    **{f"whole, {name.replace('_', ' ')} alone": OURS | {"attributes": name} for name in ATTRIBUTES},
}
ENDS = ("baseline", "+ weighed (the whole)")


@study("identity", data="synthfaces/wild", smoke=dict(limit=128), cpu=dict(epochs=20),
       full=dict(epochs=40, batch_size=128), on={"fer2013": dict(cpu=dict(limit=10_000, epochs=12))})
def arms(scale: Scale, data, root) -> dict:
    """Name the arms: every part of the method on confounded faces, and the whole of it where a group is unseen."""
    load = loader(data, root, size=scale.size)
    if not data.startswith("synthfaces"):
        return {name: partial(_classes, ARMS[name], scale, load) for name in ENDS}
    measures = {name: partial(_confounded, options, scale, load) for name, options in ARMS.items()}
    for name in ENDS:
        measures[f"{name}, unseen tones"] = partial(_unseen, ARMS[name], scale, load)
    return measures


def _confounded(options, scale, load, seed):
    train = load("train").confound("skin_tone", "valence", STRENGTH, seed)
    return _trained(options, scale, train, load, load("test"), seed)


def _unseen(options, scale, load, seed):
    """Train without the darkest tones, and test on them alone."""
    train, test = load("train"), load("test")
    return _trained(options, scale, train[train.column("skin_tone") < DARK], load,
                    test[test.column("skin_tone") >= DARK], seed)


def _trained(options, scale, train, load, test, seed):
    learner = train_classifier(scale.limited(train, seed), scale, seed, task="valence_arousal", **options)
    return measured(learner, load("train").sample(TAUGHT, 0), test)


def measured(learner, taught, test) -> dict:
    """Return the scores of a regressor on strangers, what its feature gives away, and what erasing it costs.

    Args:
        taught: faces of the training people, drawn regardless of the confounding; they teach the fresh readers.
        test: faces of strangers.
    """
    seen, known = (see_all(learner, part.images, _what(learner)) for part in (test, taught))
    truth = test.valence_arousal
    metrics = _affect(seen["logits"].cpu(), test)
    feature, words = seen["embedding"], {n: (q.truth(taught), q.truth(test)) for n, q in ATTRIBUTES.items()}
    for name, (answers, wanted) in words.items():
        metrics |= _read(name, known["embedding"], answers, feature, wanted)
        if (own := f"identity {name}") in seen:
            metrics |= _read(f"identity_feature_{name}", known[own], answers, seen[own], wanted, ("linear",))
    for name, fit in ev.READERS.items() if has_leak(test.identity) else ():
        leak = ev.identity_leak(feature, test.identity, fit=fit)
        metrics |= {f"person_{name}": leak["accuracy"], "person_chance": leak["chance"]}
    return metrics | _erased(known["embedding"], taught, words["skin_tone"], feature, truth)


def _what(learner):
    return ("embedding", "logits", *(f"identity {name}" for name in getattr(learner, "names", ())))


def _affect(guess, test):
    scores = ev.affect_scores(guess, test.valence_arousal)
    tone = test.column("skin_tone").float()
    table = ev.by_group(in_groups(test, "skin_tone"), guess, "skin tone group", test.valence_arousal, ev.mean_rmse,
                        draws=1)
    metrics = {f"{name}_{axis}": value for name in ("ccc", "rmse") for axis, value in scores[name].items()}
    follows = torch.corrcoef(torch.stack([guess[:, 0] - test.valence_arousal[:, 0], tone]))[0, 1].item()
    return metrics | {"ccc": scores["mean_ccc"], "rmse": scores["mean_rmse"], "error_follows_tone": follows,
                      "tone_gap": _gap(table, lower_is_better=True)}


def _gap(table, **how):
    """Return how far the worst group is from the mean of all; None where there is a single one."""
    return ev.group_gap(table, **how) if len(table) > 1 else None


def _read(name, known, answers, asked, wanted, readers=tuple(ev.READERS)):
    scores = ev.readable(known, answers, asked, wanted, readers)
    return {f"{name}_{reader}": value for reader, value in scores.items()}


def _erased(known, taught, tone, feature, truth):
    """Return what is left of expression, and of the tone, after LEACE has erased the tone in closed form."""
    eraser = ev.leace(known, tone[0])
    clean, asked = eraser(known), eraser(feature)
    both = {"probe": (known, feature), "leace": (clean, asked)}
    metrics = {f"{name}_ccc": ev.mean_ccc(ev.affect_probe(a, taught.valence_arousal)(b).cpu(), truth)
               for name, (a, b) in both.items()}
    return metrics | _read("leace_skin_tone", clean, tone[0], asked, tone[1])


def _classes(options, scale, load, seed):
    """Train and test a classifier of a real set; its attributes are retrieved, and nobody knows whether rightly."""
    train, test = load("train"), load("test")
    if options.get("method", "baseline") == "baseline":
        options = options | {"label_smoothing": 0.0}             # the method's cross-entropy is a plain one
    learner = train_classifier(scale.limited(train, seed), scale, seed, task="classes", **options)
    seen = see_all(learner, test.images)
    guess, truth = seen["logits"].argmax(1).cpu(), ev.truth_in(learner, test)
    scores = ev.class_scores(guess, truth, learner.classes)
    metrics = {name: scores[name] for name in ("accuracy", "macro_f1", "macro_recall")}
    taught = train.sample(TAUGHT, 0)
    known, retrieved = see_all(learner, taught.images)["embedding"], [retrieve(part) for part in (taught, test)]
    for name in ATTRIBUTES:
        answers, wanted = (part.answers(name) for part in retrieved)
        metrics |= _read(f"retrieved_{name}", known, answers, seen["embedding"], wanted)
        table = ev.by_group(replace(test, attributes={name: wanted}), guess, name, truth, draws=1)
        metrics[f"retrieved_{name}_gap"] = _gap(table)
    return metrics
