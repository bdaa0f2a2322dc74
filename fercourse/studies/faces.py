"""Is the embedded set a learnable, non-trivial task? Within and across domains, unseen people; and what leaks."""

from functools import partial

from ..errors import InputError
from ..evaluate import evaluate, features_report
from ..faces import load_faces
from ..faces.load import parse_spec
from . import Scale, study, train_classifier


@study("faces", cpu=dict(size=64, epochs=60))
def arms(scale: Scale, data, root) -> dict:
    """Train on each domain alone and test on both; the features are probed on people never seen.

    Raises:
        InputError: a set of one domain.
    """
    if domain := parse_spec(data).domain:
        raise InputError(f"faces compares lab and wild, but {data} is {domain} alone; "
                         f"expected {data.removesuffix(f'/{domain}')}")
    return {domain: partial(_train_on, domain, scale, data, root) for domain in ("wild", "lab")}


def _train_on(domain, scale, data, root, seed):
    train = load_faces(data, split="train", domain=domain, root=root)
    taught = scale.limited(train, seed)
    learner = train_classifier(taught, scale, seed)
    metrics = {"train_faces": len(taught)}
    for tested in ("wild", "lab"):
        faces = load_faces(data, split="test", domain=tested, root=root)
        scores = evaluate(learner, faces, draws=0)
        metrics |= {f"{tested}_accuracy": scores["accuracy"], f"{tested}_macro_f1": scores["macro_f1"]}
    report = features_report(learner, train, load_faces(data, split="test", domain=domain, root=root))
    leak = report.pop("identity_leak")
    return metrics | report | {"identity_probe": leak["accuracy"], "identity_chance": leak["chance"],
                               "identity_people": leak["people"]}
