"""All methods of the course under the same four circumstances: the table of lesson 07.

The labelled faces are always of the lab. What changes is how good the labels are, how many, and where the test is.
"""

import time
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from ..evaluate import evaluate, identity_leak, knn_accuracy, seen
from ..faces import FaceSet, load_faces
from ..faces.concat import concat
from ..methods.dmsrl import DmsrlHyper
from ..methods.hncl import to_fine_tune
from ..models.norms import recalibrate
from ..train import fit
from . import Scale, backbone_file, study, train_classifier
from .wscfer import TERMS

WRONG, FEW = 0.3, 0.1                     # share of wrong labels, and of labels that are known
HERE, ELSEWHERE = "lab", "wild"
TUNED_LR = 1e-3                           # wherever a network is trained on
SETTINGS = {                              # of each method, where they are not its defaults
    "baseline": {}, "wscfer": TERMS["CE + WSC + PCL"], "dr-fer": {}, "hncl": {},
    "dmsrl": dict(self_train=1.0),        # in most circumstances its target is of the labelled domain
    "id-invariant": dict(task="classes"),
}
LONGER = "baseline, twice as long"        # the budget of the methods that train twice
AVERAGED = f"{LONGER}, averaged"          # and the averaged weights of DMSRL
PLAIN = dict(label_smoothing=0.0)         # of baseline and DMSRL, which smooth by default: one cross-entropy for all
WILD = "tested in the wild"


@dataclass(frozen=True)
class Faces:
    """What a circumstance gives to learn from.

    Attributes:
        labelled: faces with labels, right or wrong.
        unlabelled: faces whose labels no method may read; of the domain that is tested.
        everything: all faces, for methods that need no label.
        test: faces of strangers.
        whole: number of all faces of the lab; every training has the steps of one on so many.
    """

    labelled: FaceSet
    unlabelled: FaceSet
    everything: FaceSet
    test: FaceSet
    whole: int

    def spent(self, scale: Scale, faces: FaceSet) -> Scale:
        """Return the scale at which a training on these faces has its steps; an epoch drops what fills no batch."""
        shown = [max(1, count // scale.batch_size) for count in (len(faces), self.whole)]
        return scale.as_many_steps(*shown)


def clean(known, other, test, seed):
    """Return every label, all of them right, tested where it was learnt."""
    return Faces(known, known, known, test[HERE], len(known))


def noisy(known, other, test, seed):
    """Return labels of which three in ten are wrong."""
    return Faces(known.with_noise(WRONG, "symmetric", seed), known, known, test[HERE], len(known))


def few(known, other, test, seed):
    """Return labels for every tenth face; trainings have ten times the epochs, so that all have the same steps."""
    return Faces(known.fraction(FEW, seed), known, known, test[HERE], len(known))


def elsewhere(known, other, test, seed):
    """Return labels of the lab, and a test in the wild, of which there are faces without labels."""
    return Faces(known, other, concat(known, other), test[ELSEWHERE], len(known))


CIRCUMSTANCES = {"right labels": clean, "30 % wrong labels": noisy, "a tenth of the labels": few,
                 WILD: elsewhere}


@study("comparison", smoke=dict(limit=128), cpu=dict(limit=1500, epochs=12, batch_size=32),
       full=dict(epochs=30, batch_size=64))
def arms(scale: Scale, data, root) -> dict:
    """Train every method under every circumstance, with the same faces, backbone and steps of a training.

    HNCL and DMSRL are trained twice, and so, in steps, are the baselines that are told to be. Where another domain is
    tested, everyone is tested again with batch norm's statistics of that domain.
    """
    return {f"{circumstance}, {name}": partial(_arm, name, circumstance, scale, data, root)
            for circumstance in CIRCUMSTANCES for name in (*SETTINGS, LONGER, AVERAGED)}


@lru_cache(maxsize=2)
def given(circumstance: str, scale: Scale, data, root, seed: int) -> Faces:
    """Return the faces of a circumstance at the scale's size and number."""
    load = partial(load_faces, data, root=root, size=scale.size)
    known, other = (load(split="train", domain=domain) for domain in (HERE, ELSEWHERE))
    known, other = (scale.drawn(faces, seed) for faces in (known, other))
    test = {domain: load(split="test", domain=domain) for domain in (HERE, ELSEWHERE)}
    return CIRCUMSTANCES[circumstance](known, other, test, seed)


def _arm(name, circumstance, scale, data, root, seed):
    faces = given(circumstance, scale, data, root, seed)
    learner, seconds = trained(name, circumstance, scale, data, root, seed, **PLAIN)
    found = measured(learner, faces) | {"minutes": seconds / 60}
    if circumstance == WILD:
        recalibrate(learner, faces.unlabelled.images)
        found |= {f"recalibrated_{key}": value for key, value in _told(learner, faces).items()}
    return found


def trained(name: str, circumstance: str, scale: Scale, data, root, seed: int, **plain):
    """Return a method trained under a circumstance, and the seconds it took, all its parts together.

    `plain` goes to all that is a baseline in the end, and to DMSRL.
    """
    faces, began = given(circumstance, scale, data, root, seed), time.perf_counter()
    before, spent = 0.0, faces.spent(scale, faces.labelled)
    if name == "hncl":
        learner = _pretrained(faces, scale, seed, **plain)
    elif name == "dmsrl":
        weights, before = _start(circumstance, scale, data, root, seed, **plain)
        began = time.perf_counter()
        learner = train_classifier(faces.labelled, replace(spent, lr=TUNED_LR), seed, name, target=faces.unlabelled,
                                   weights=weights, **SETTINGS[name] | plain)
    elif name in (LONGER, AVERAGED):
        hyper = plain if name == LONGER else plain | dict(ema=DmsrlHyper.ema)
        learner = train_classifier(faces.labelled, replace(spent, epochs=2 * spent.epochs), seed, **hyper)
    else:
        hyper = plain if name == "baseline" else SETTINGS[name]
        learner = train_classifier(faces.labelled, spent, seed, name, **hyper)
    return learner, before + time.perf_counter() - began


def _pretrained(faces, scale, seed, **plain):
    """Learn from all faces without labels, in the steps of one training, then fine-tune on those that have one."""
    learnt = train_classifier(faces.everything, faces.spent(scale, faces.everything), seed, "hncl")
    tuned = to_fine_tune(learnt, faces.labelled, **plain)
    fit(tuned, faces.labelled, epochs=faces.spent(scale, faces.labelled).epochs,
        batch_size=min(scale.batch_size, len(faces.labelled)), lr=TUNED_LR, seed=seed)
    return tuned


@lru_cache(maxsize=1)
def _start(circumstance, scale, data, root, seed, **plain):
    """Return a file with the baseline's backbone, from which DMSRL starts as in its lesson, and what it cost."""
    learner, seconds = trained("baseline", circumstance, scale, data, root, seed, **plain)
    return backbone_file(learner.backbone), seconds


def measured(learner, faces: Faces) -> dict[str, float]:
    """Return how well strangers' faces are told, and what the features say of class and person."""
    known, asked = (seen(learner, part)["embedding"] for part in (faces.labelled, faces.test))
    return {**_told(learner, faces),
            "knn": knn_accuracy(known, faces.labelled.labels.to(known.device), asked,
                                faces.test.truth.to(known.device)),
            "identity_leak": identity_leak(asked, faces.test.identity)["accuracy"]}


def _told(learner, faces):
    scores = evaluate(learner, faces.test, draws=0)
    return {"accuracy": scores["accuracy"], "macro_f1": scores["macro_f1"],
            "worst_recall": min(value for value in scores["recall"].values() if value is not None)}
