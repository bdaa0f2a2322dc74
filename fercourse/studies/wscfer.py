"""Does an instance term help the class term? The three rules and partial consistency, on right and on wrong labels."""

from dataclasses import replace
from functools import partial

from ..evaluate import accuracy, knn_accuracy, seen, silhouette
from ..faces import load_faces
from ..faces.load import parse_spec
from . import Scale, study, train_classifier
from .noise import RATE, TESTS, by_heart

# Same backbone, budget and two views for every arm. Weight and temperature come from a few trials on validation faces,
# one seed (results/wscfer-tuning-lab.json), more of them for WSC than for the others: the effort was not equal.
TERMS = {
    "CE": dict(contrast=0.0, consistency=0.0),
    "CE + SimCLR": dict(rule="simclr", contrast=0.1, temperature=0.5, consistency=0.0),
    "CE + SupCon": dict(rule="supcon", contrast=1.0, temperature=0.2, consistency=0.0),
    "CE + WSC": dict(rule="wsc", contrast=0.1, temperature=0.5, consistency=0.0),
    "CE + WSC + PCL": dict(rule="wsc", contrast=0.1, temperature=0.5, consistency=0.1),
}
CEILING = "CE, wrong labels left out"


@study("wscfer", data="synthfaces/lab", smoke=dict(limit=128), cpu=dict(size=32, limit=1000, epochs=10, batch_size=32),
       full=dict(batch_size=64))
def arms(scale: Scale, data, root) -> dict:
    """Train every sum of terms on right labels and with 30 % symmetric noise; the ceiling leaves the wrong ones out."""
    made = {f"{told}, {name}": partial(_train, terms, rate, False, scale, data, root)
            for told, rate in (("clean", 0.0), ("noisy", RATE)) for name, terms in TERMS.items()}
    return made | {f"noisy, {CEILING}": partial(_train, TERMS["CE"], RATE, True, scale, data, root)}


def _train(terms, rate, cleaned, scale, data, root, seed):
    spec = parse_spec(data)
    load = lambda split: load_faces(spec.name, split=split, domain=spec.domain, root=root)      # noqa: E731
    faces = load("train").sample(scale.limit or len(load("train")), seed).with_noise(rate, seed=seed)
    used = faces.subset(faces.labels == faces.truth) if cleaned else faces
    learner = train_classifier(used, replace(scale, limit=None), seed, method="wscfer", **terms)
    test = load(TESTS.get(spec.name, "test"))
    known, told, asked = seen(learner, used), seen(learner, faces), seen(learner, test)
    truth = test.truth.to(learner.device)
    return {"accuracy": accuracy(asked["logits"].argmax(1), truth), "knn": knn_accuracy(
        known["embedding"], used.labels.to(learner.device), asked["embedding"], truth),
        "silhouette": silhouette(asked["embedding"], truth), **by_heart(faces, told["logits"].argmax(1).cpu())}
