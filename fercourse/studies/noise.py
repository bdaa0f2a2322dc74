"""Wrong labels: when a network learns them by heart, and what that costs on unseen people."""

from functools import partial

from ..evaluate import accuracy
from ..evaluate.report import predicted
from . import Scale, loader, study, train_classifier

RATE = 0.3                        # share of training labels that are wrong, symmetric noise


@study("noise", data="synthfaces/lab", cpu=dict(limit=1200, epochs=14, batch_size=32), full=dict(limit=1200))
def arms(scale: Scale, data, root) -> dict:
    """Train on few faces with plain cross-entropy: right and wrong labels, without and with augmentation."""
    return {f"{labels}, {view}": partial(_train_under, rate, view, scale, data, root)
            for view in ("none", "weak") for labels, rate in (("clean", 0.0), ("noisy", RATE))}


def _train_under(rate, view, scale, data, root, seed):
    load = loader(data, root)
    faces = scale.drawn(load("train"), seed).with_noise(rate, seed=seed)
    again = scale.drawn(faces, seed)                         # the order of the published runs
    learner = train_classifier(again, scale, seed, views=(view,), label_smoothing=0.0)
    test = load("test")
    fitted, asked = (predicted(learner, part) for part in (faces, test))
    return {"accuracy": accuracy(asked, test.truth), "fitted": accuracy(fitted, faces.labels),
            **by_heart(faces, fitted)}


def by_heart(faces, predicted) -> dict:
    """Return what became of the wrong labels: the share repeated, and the share seen through; empty without any."""
    wrong = faces.labels != faces.truth
    if not wrong.any():
        return {}
    return {"memorised": accuracy(predicted[wrong], faces.labels[wrong]),
            "seen_through": accuracy(predicted[wrong], faces.truth[wrong])}
