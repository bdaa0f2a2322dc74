"""The supervised baseline: cross-entropy, clean labels, on unseen people."""

from ..evaluate import accuracy_apart, evaluate, features_report
from . import Scale, loader, study, train_classifier


@study("supervised", data="synthfaces/wild", cpu=dict(epochs=40))
def arms(scale: Scale, data, root) -> dict:
    """Train the baseline on a set's training part; test once, at the last epoch."""
    return {"baseline": lambda seed: _supervised(scale, data, root, seed)}


def _supervised(scale, data, root, seed):
    train, test = map(loader(data, root), ("train", "test"))
    taught = scale.limited(train, seed)
    learner = train_classifier(taught, scale, seed)
    scores = evaluate(learner, test, draws=0)
    report = features_report(learner, train, test)
    leak = report.pop("identity_leak", {})
    return {"accuracy": scores["accuracy"], "macro_f1": scores["macro_f1"],
            **accuracy_apart(learner, test, taught), **report,
            **{f"identity_{k}": v for k, v in leak.items()}}
