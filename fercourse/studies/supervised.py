"""The supervised baseline: cross-entropy, clean labels, on unseen people."""

from ..evaluate import evaluate, features_report
from ..faces import load_faces
from . import Scale, study, train_classifier

TESTS = {"fer2013": "PublicTest", "rafdb": "test"}


@study("supervised", data="synthfaces/wild", cpu=dict(epochs=40))
def arms(scale: Scale, data, root) -> dict:
    """Train the baseline on a set's training part; test once, at the last epoch."""
    return {"baseline": lambda seed: _supervised(scale, data, root, seed)}


def _supervised(scale, data, root, seed):
    from ..faces.load import parse_spec

    spec = parse_spec(data)
    load = lambda split: load_faces(spec.name, split=split, domain=spec.domain, root=root)      # noqa: E731
    train, test = load("train"), load(TESTS.get(spec.name, "test"))
    learner = train_classifier(train, scale, seed)
    scores = evaluate(learner, test, draws=0)
    report = features_report(learner, train, test)
    leak = report.pop("identity_leak", {})
    return {"accuracy": scores["accuracy"], "macro_f1": scores["macro_f1"], **report,
            **{f"identity_{k}": v for k, v in leak.items()}}
