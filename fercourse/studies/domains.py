"""Labels in one domain, none in the other: DMSRL, its parts, and what others do, between domains and to real faces."""

from copy import deepcopy
from dataclasses import replace
from functools import lru_cache, partial

from ..errors import InputError
from ..evaluate import confusion, evaluate, recalls, seen, truth_in
from ..evaluate.unlabelled import information
from ..faces import load_faces
from ..models.norms import recalibrate
from . import Scale, backbone_file, study, train_classifier
from .transfer import HARD, TESTS

# Every arm starts from the backbone of "source only", which is trained three times as long, and then has the same
# epochs, batch size, averaged weights and source augmentation. The oracle does, too.
COMMON = dict(ema=0.98, label_smoothing=0.1)
LONGER = 3
METHODS = {
    "source only": ("baseline", {}),
    "DANN": ("dann", {}),
    "CDAN": ("cdan", {}),
    "DMSRL": ("dmsrl", {}),
    "DMSRL as found": ("dmsrl", dict(pseudo="step", believe=1.0, self_train=0.0, own_norms=False, sensitive=False,
                                     centres="random", begin=0.0)),
    "DMSRL without centres": ("dmsrl", dict(metric=0.0, align=0.0)),
    "DMSRL without adversary": ("dmsrl", dict(adversary=0.0, sensitive=False)),
    "DMSRL without local features": ("dmsrl", dict(local=False)),
    "DMSRL without own batch norm": ("dmsrl", dict(own_norms=False)),
    "DMSRL without self-training": ("dmsrl", dict(self_train=0.0)),
}
FEW = ("source only", "DANN", "DMSRL")
PAIRS = {"lab-wild": ("synthfaces/lab", "synthfaces/wild"), "wild-lab": ("synthfaces/wild", "synthfaces/lab"),
         "synthfaces-fer2013": ("synthfaces", "fer2013"), "fer2013-synthfaces": ("fer2013", "synthfaces")}


PHOTOGRAPHS = dict(cpu=dict(limit=10_000, batch_size=64))              # of which few faces teach next to nothing


@study("domains", data="lab-wild", smoke=dict(limit=96), cpu=dict(limit=1600, epochs=8, batch_size=32, lr=1e-3),
       full=dict(epochs=30, batch_size=64, lr=1e-3),
       on={"synthfaces-fer2013": PHOTOGRAPHS, "fer2013-synthfaces": PHOTOGRAPHS})
def arms(scale: Scale, data, root) -> dict:
    """Adapt from one domain to another, `lab-wild` or another of `PAIRS`; the oracle learns the target's labels."""
    if data not in PAIRS:
        raise InputError(f"domains: {data!r} is no pair; expected one of {', '.join(PAIRS)}")
    names = METHODS if data == "lab-wild" else FEW
    made = {name: partial(_adapt, name, scale, data, root) for name in names}
    return made | {"oracle": partial(_adapt, "oracle", scale, data, root)}


def domains(data: str, scale: Scale, root, seed: int):
    """Return the source's and the target's training faces, and the target's test faces, at the scale's size."""
    found = []
    for place, name in enumerate(PAIRS[data]):
        name, _, domain = name.partition("/")
        real = name != "synthfaces"
        load = partial(load_faces, name, root=root if real else None, domain=domain or None, size=scale.size)
        parts = [load(split="train")] + ([load(split=TESTS.get(name, "test"))] if place else [])
        parts[0] = parts[0].sample(min(scale.limit or len(parts[0]), len(parts[0])), seed)
        found += [part.grey() if "fer2013" in data and not real else part for part in parts]
    return found


def _adapt(name, scale, data, root, seed):
    source, target, test = domains(data, scale, root, seed)
    views = (HARD,) if "fer2013" in data else None
    if name == "source only":
        learner = start(scale, data, root, seed)[0]
        found, again = scores(learner, test), deepcopy(learner)
        recalibrate(again, target.images)
        return found | {f"recalibrated_{key}": value for key, value in scores(again, test).items()}
    method, hyper = METHODS.get(name, ("baseline", {}))
    epochs, adapts = Epochs(test), method != "baseline"
    learner = train_classifier(source if adapts else target, replace(scale, limit=None), seed, method, views=views,
                               watch=epochs, target=target if adapts else None, target_views=views if adapts else None,
                               weights=start(scale, data, root, seed)[1], **COMMON | hyper)
    return scores(learner, test) | {"best_epoch": epochs.best(), "chosen_epoch": epochs.chosen()}


@lru_cache(maxsize=1)
def start(scale: Scale, data, root, seed):
    """Return a classifier trained on the source alone, and a file with the weights of its backbone."""
    source, views = domains(data, scale, root, seed)[0], (HARD,) if "fer2013" in data else None
    longer = replace(scale, limit=None, epochs=LONGER * scale.epochs, lr=2e-3)
    learner = train_classifier(source, longer, seed, views=views, **COMMON)
    return learner, backbone_file(learner)


def scores(learner, test) -> dict:
    """Return what is told of the target's test faces: mean recall, macro F1, accuracy, the worst class's recall."""
    found = evaluate(learner, test, draws=0)
    return {"macro_recall": found["macro_recall"], "macro_f1": found["macro_f1"], "accuracy": found["accuracy"],
            "worst_recall": min(value for value in found["recall"].values() if value is not None)}


class Epochs:
    """Watches a training: the mean recall after every epoch, and a criterion that needs no label.

    The best epoch by the target's labels is what published tables often report; nobody without labels could choose it.
    """

    def __init__(self, test):
        self.test, self.seen = test, []

    def __call__(self, epoch, method):
        logits = seen(method, self.test)["logits"].cpu()
        truth = truth_in(method, self.test)
        found = recalls(confusion(logits.argmax(1), truth, len(method.classes))).nanmean().item()
        self.seen.append((found, information(logits)))

    def best(self) -> float:
        """Return the mean recall of the epoch that is best on the target's labels."""
        return max(found for found, _ in self.seen)

    def chosen(self) -> float:
        """Return the mean recall of the epoch whose decisions carry most information, chosen without a label."""
        return max(self.seen, key=lambda one: one[1])[0]
