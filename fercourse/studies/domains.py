"""Labels in one domain, none in the other: DMSRL, its parts, and what others do, between domains and to real faces.

Landmarks and heatmap neighbours know nothing of the target's labels, but of where its eyes and mouths are: the landmark
network was taught on rendered faces of both domains, with points marked and no emotion told.
"""

from copy import deepcopy
from dataclasses import replace
from functools import lru_cache, partial

from ..device import pick_device
from ..errors import InputError
from ..evaluate import class_scores, confusion, evaluate, recalls, seen, truth_in
from ..evaluate.unlabelled import information
from ..faces.concat import concat
from ..methods.dmsrl import read_landmarks
from ..models.norms import recalibrate
from . import PAIRS, Scale, backbone_file, loader, study, train_classifier
from .transfer import HARD

# Every arm that trains on starts from the finished backbone of "source only" (or HNCL's), and has a third of its
# epochs more, with the same batch size, averaged weights and source augmentation. The oracle does, too; "source only,
# for longer" has them on the source again, so that what it lacks of an adapting arm is not the training but the
# target.
COMMON = dict(ema=0.98, label_smoothing=0.1)
LONGER = 3
LANDMARKS = dict(self_train=1.0, geometry=4.0)         # chosen from lab to wild, on validation people
METHODS = {
    "source only": ("baseline", {}),
    "source only, for longer": ("baseline", {}),
    "DANN": ("dann", {}),
    "CDAN": ("cdan", {}),
    "DMSRL": ("dmsrl", {}),
    # As found in three respects only; weights, margin, optimiser and schedule stay ours.
    "DMSRL as found": ("dmsrl", dict(pseudo="step", believe=1.0, own_norms=False, sensitive=False, centres="random",
                                     begin=0.0)),
    "DMSRL without centres": ("dmsrl", dict(metric=0.0, align=0.0)),
    "DMSRL without adversary": ("dmsrl", dict(adversary=0.0, sensitive=False)),
    "DMSRL without local features": ("dmsrl", dict(local=False)),
    "DMSRL without own batch norm": ("dmsrl", dict(own_norms=False)),
    "DMSRL and self-training": ("dmsrl", dict(self_train=1.0)),
    "DMSRL and landmarks": ("dmsrl", LANDMARKS),
}
FEW = ("source only", "source only, for longer", "DANN", "CDAN", "DMSRL", "DMSRL and self-training",
       "DMSRL and landmarks")                          # of pairs with photographs
TRIED = ((1.0, 0.1), (0.0, 0.1), (0.0, 1.0))           # weights of DMSRL's self-training and of its adversary
GEOMETRY = (1.0, 4.0, 16.0)                            # weights of landmarks in its pseudo labels, with self-training


PHOTOGRAPHS = dict(cpu=dict(limit=10_000, batch_size=64))              # of which few faces teach next to nothing
REGIME = dict(data="lab-wild", smoke=dict(limit=96), cpu=dict(limit=1600, epochs=8, batch_size=32, lr=1e-3),
              full=dict(epochs=30, batch_size=64, lr=1e-3),
              on={"synthfaces-fer2013": PHOTOGRAPHS, "fer2013-synthfaces": PHOTOGRAPHS})


@study("domains", **REGIME)
def arms(scale: Scale, data, root) -> dict:
    """Adapt from one domain to another, `lab-wild` or another of `PAIRS`; the oracle learns the target's labels."""
    _check(data)
    names = FEW if "fer2013" in data else METHODS
    place = (scale, data, root, None)
    return _ways({name: METHODS[name] for name in names}, *place) | {
        "landmarks, read": partial(_landmarks, *place), "HNCL, read": partial(_neighbours, *place),
        "HNCL, then DMSRL and landmarks": partial(_adapt, "dmsrl", LANDMARKS, *place, begin=pretrained),
        "oracle": partial(_adapt, "baseline", {}, *place, oracle=True),
    }


@study("domains-tuning", **REGIME)
def tuning(scale: Scale, data, root) -> dict:
    """Weigh DMSRL's self-training, adversary and landmarks, beside its peers; scored on validation faces alone."""
    _check(data)
    tried = {f"DMSRL, self-training {self_train:g}, adversary {adversary:g}":
             ("dmsrl", dict(self_train=self_train, adversary=adversary)) for self_train, adversary in TRIED}
    tried |= {f"DMSRL, self-training 1, landmarks {weight:g}": ("dmsrl", LANDMARKS | dict(geometry=weight))
              for weight in GEOMETRY}
    return _ways({name: METHODS[name] for name in ("source only", "DANN", "CDAN")} | tried, scale, data, root, "val")


def _check(data):
    if data not in PAIRS:
        raise InputError(f"domains: {data!r} is no pair; expected one of {', '.join(PAIRS)}")


def _ways(methods, scale, data, root, tested):
    return {name: partial(_source_only if name == "source only" else partial(_adapt, *way), scale, data, root, tested)
            for name, way in methods.items()}


def domains(data: str, scale: Scale, root, seed: int, tested: str | None = None):
    """Return the source's and the target's training faces, and faces to test on of the target, at the scale's size.

    `tested` names their split; without it they are the target's test faces.
    """
    sets = []
    for number, name in enumerate(PAIRS[data]):
        real = not name.startswith("synthfaces")
        load = loader(name, root if real else None, size=scale.size)
        parts = [load("train")] + ([load(tested or "test")] if number else [])
        parts[0] = scale.drawn(parts[0], seed)
        sets += [part.grey() if "fer2013" in data and not real else part for part in parts]
    return sets


def _source_only(scale, data, root, tested, seed):
    """Return the scores of a network that never saw the target, see `_scored`."""
    _, target, test = domains(data, scale, root, seed, tested)
    return _scored(start(scale, data, root, seed)[0], target, test)


def _scored(learner, target, test):
    """Return the scores, and as `recalibrated_…` those of a copy with batch norm's statistics of the target.

    DMSRL by default has running means of the target already, over augmented faces. DANN, CDAN and a DMSRL without batch
    norm of its own have those of both domains together, for their batches mix the two. These are taken for everyone
    alike, from the target's faces as they are.
    """
    adapted = deepcopy(learner)
    recalibrate(adapted, target.images)
    return scores(learner, test) | {f"recalibrated_{key}": value for key, value in scores(adapted, test).items()}


def _adapt(method, hyper, scale, data, root, tested, seed, begin=None, oracle=False):
    """Return the scores of a method that starts from a backbone, by default the source's, see `_scored`.

    `begin` is another function like `start`. The oracle learns the target's labels in place of the source's.
    """
    source, target, test = domains(data, scale, root, seed, tested)
    views = (HARD,) if "fer2013" in data else None
    epochs, adapts = Epochs(test), method != "baseline"
    learner = train_classifier(target if oracle else source, scale, seed, method, views=views, watch=epochs,
                               target=target if adapts else None, target_views=views if adapts else None,
                               weights=(begin or start)(scale, data, root, seed)[1], **COMMON | hyper)
    return _scored(learner, target, test) | {"best_epoch": epochs.best(), "chosen_epoch": epochs.chosen()}


@lru_cache(maxsize=1)
def start(scale: Scale, data, root, seed):
    """Return a classifier trained on the source alone, and a file with the weights of its backbone."""
    source, views = domains(data, scale, root, seed)[0], (HARD,) if "fer2013" in data else None
    longer = replace(scale, epochs=LONGER * scale.epochs, lr=2e-3)
    learner = train_classifier(source, longer, seed, views=views, **COMMON)
    return learner, backbone_file(learner.backbone)


@lru_cache(maxsize=1)
def pretrained(scale: Scale, data, root, seed):
    """Return HNCL, trained on both domains with a probe of the source's labels, and a file with its backbone's weights.

    It sees as many faces as `start` does, each in two views.
    """
    source, target, _ = domains(data, scale, root, seed)
    both = concat(source, target.without_labels())
    spent = replace(scale, epochs=LONGER * scale.epochs, lr=2e-3).as_many_steps(len(both), len(source))
    learner = train_classifier(both, spent, seed, "hncl")
    return learner, backbone_file(learner.backbone)


def _neighbours(scale, data, root, tested, seed):
    """Return what a linear probe of the source's labels reads off heatmap neighbours of both domains."""
    return scores(pretrained(scale, data, root, seed)[0], domains(data, scale, root, seed, tested)[2])


def _landmarks(scale, data, root, tested, seed):
    """Return what a linear reader of landmarks, taught by the source's labels, tells of the target."""
    source, _, test = domains(data, scale, root, seed, tested)
    test = test.with_classes(source.classes)
    logits, _ = read_landmarks(source, test, pick_device())
    return _chosen_scores(class_scores(logits.argmax(1), test.truth, test.classes))


def scores(learner, test) -> dict:
    """Return what is told of the target's test faces: mean recall, macro F1, accuracy, the worst class's recall."""
    return _chosen_scores(evaluate(learner, test, draws=0))


def _chosen_scores(scores):
    return {name: scores[name] for name in ("macro_recall", "macro_f1", "accuracy")} | {
        "worst_recall": min(value for value in scores["recall"].values() if value is not None)}


class Epochs:
    """Watches a training: the mean recall after every epoch, and a criterion that needs no label.

    The best epoch by the target's labels is what published tables often report; nobody without labels could choose it.
    """

    def __init__(self, test):
        self.test, self.seen = test, []

    def __call__(self, epoch, method):
        logits = seen(method, self.test)["logits"].cpu()
        truth = truth_in(method, self.test)
        recall = recalls(confusion(logits.argmax(1), truth, len(method.classes))).nanmean().item()
        self.seen.append((recall, information(logits)))

    def best(self) -> float:
        """Return the mean recall of the epoch that is best on the target's labels."""
        return max(recall for recall, _ in self.seen)

    def chosen(self) -> float:
        """Return the mean recall of the epoch whose decisions carry most information, chosen without a label."""
        return max(self.seen, key=lambda one: one[1])[0]
