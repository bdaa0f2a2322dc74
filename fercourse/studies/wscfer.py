"""Does an instance term help the class term? Three rules, two forms of consistency, on right and on wrong labels."""

from dataclasses import replace
from functools import partial

from ..evaluate import accuracy, knn_accuracy, seen, silhouette
from ..evaluate.report import predicted
from ..losses.contrastive import RULES
from . import Scale, loader, set_of, study, train_classifier
from .noise import RATE, by_heart

# Same backbone, budget and two views for every arm. Weight and temperature of each rule: the best of `TRIED` on
# validation faces under noise, one seed (the study `wscfer-tuning`), and again where the training is `LONG`. Beside
# the consistency of views WSC weighs less: the best of `BESIDE` there, over lab and wild, two seeds.
WSC, PCL = dict(rule="wsc", contrast=0.1, temperature=0.5), dict(form="views", consistency=5.0)
TERMS = {
    "CE": dict(contrast=0.0, consistency=0.0),
    "CE + SimCLR": dict(rule="simclr", contrast=0.1, temperature=0.5, consistency=0.0),
    "CE + SupCon": dict(rule="supcon", contrast=0.5, temperature=0.1, consistency=0.0),
    "CE + WSC": WSC | dict(consistency=0.0),
    "CE + PCL": PCL | dict(contrast=0.0),
    "CE + WSC + PCL": WSC | PCL | dict(contrast=0.02),
    "CE + WSC + PCL of spaces": WSC | dict(form="spaces", consistency=0.1, rise=0.0),
}
TRIED = ((0.1, 0.1), (0.1, 0.5), (0.5, 0.1), (1.0, 0.2))         # weight and temperature, the same for each rule
AGREE = (1.0, 2.0, 5.0, 10.0)                                    # weights of the views' consistency, beside `WSC`
BESIDE = (0.0, 0.02, 0.05)                                       # weights of WSC beside the views' consistency
REMEDIES = {                                                     # for the first guess at WSC, weight 0.5 and t 0.1
    "partial consistency": dict(form="spaces", consistency=0.5, rise=0.0),
    "consistency of views": dict(form="views", consistency=1.0, rise=0.0),
    "fading out": dict(ramp=0.1, fade=0.6),
}
CEILING = "CE, wrong labels left out"


REGIME = dict(smoke=dict(limit=128), cpu=dict(limit=1200, epochs=14, batch_size=32), full=dict(batch_size=64),
              on={"fer2013": dict(cpu=dict(limit=2000, epochs=40))})
# Long enough that cross-entropy learns wrong labels by heart.
LONG = {(f"synthfaces/{domain}", "cpu"): dict(epochs=40) for domain in ("lab", "wild")}
AGAIN = ("CE", "simclr 0.1, t 0.5", "supcon 0.5, t 0.1", "supcon 1.0, t 0.2", "wsc 0.1, t 0.5")  # what was best before


@study("wscfer", data="synthfaces/lab", **REGIME)
def arms(scale: Scale, data, root) -> dict:
    """Train every sum of terms on right labels and with 30 % symmetric noise, and where `LONG` says so for longer, too.

    The ceiling leaves the wrong labels out, and trains for more epochs, so that its steps are as many.
    """
    spends = [("", scale), *(("long, ", more) for more in _long(scale, data))]
    return {f"{long}{arm}": measure for long, spent in spends for arm, measure in _sums(spent, data, root)}


def _long(scale, data):
    """Yield the scale of the longer training, where there is one."""
    if more := LONG.get((set_of(data), scale.name)):
        yield replace(scale, **more)


def _sums(scale, data, root):
    for labels, rate in (("clean", 0.0), ("noisy", RATE)):
        for name, terms in TERMS.items():
            yield f"{labels}, {name}", partial(_train, terms, rate, False, scale, data, root)
    yield f"noisy, {CEILING}", partial(_train, TERMS["CE"], RATE, True, scale, data, root)


@study("wscfer-tuning", data="synthfaces/lab", **REGIME)
def tuning(scale: Scale, data, root) -> dict:
    """Try every rule at the same settings, and remedies for WSC; where `LONG`, how much the views should agree.

    Scored on validation faces, never on test faces.
    """
    tried = {"CE": TERMS["CE"]} | {
        f"{rule} {weight}, t {temperature}": dict(rule=rule, contrast=weight, temperature=temperature, consistency=0.0)
        for rule in RULES for weight, temperature in TRIED}
    guess = tried["wsc 0.5, t 0.1"]
    tried |= {f"wsc 0.5, t 0.1, {name}": guess | remedy for name, remedy in REMEDIES.items()}
    agree = {f"wsc 0.1, t 0.5, views agree {beta:g}": WSC | PCL | dict(consistency=beta) for beta in AGREE}
    agree |= {f"wsc {alpha:g}, t 0.5, views agree 5": WSC | PCL | dict(contrast=alpha) for alpha in BESIDE}

    def run(terms, rate, spent):
        return partial(_train, terms, rate, False, spent, data, root, split="val")
    measures = {f"{labels}, {name}": run(terms, rate, scale)
                for labels, rate in (("clean", 0.0), ("noisy", RATE)) for name, terms in tried.items()
                if rate or name in ("CE", "supcon 0.5, t 0.1", "wsc 0.5, t 0.1")}
    for spent in _long(scale, data):
        measures |= {f"long, noisy, {name}": run(terms, RATE, spent) for name, terms in (tried | agree).items()
                     if name in AGAIN or name in agree}
    return measures


def _train(terms, rate, cleaned, scale, data, root, seed, split=None):
    load = loader(data, root)
    faces = scale.drawn(load("train"), seed).with_noise(rate, seed=seed)
    used = faces.subset(faces.labels == faces.truth) if cleaned else faces
    scale = scale.as_many_steps(len(used), len(faces))
    learner = train_classifier(used, scale, seed, method="wscfer", **terms)
    test = load(split or "test")
    known, asked = seen(learner, used), seen(learner, test)
    truth = test.truth.to(learner.device)
    return {"epochs": scale.epochs, "accuracy": accuracy(asked["logits"].argmax(1), truth), "knn": knn_accuracy(
        known["embedding"], used.labels.to(learner.device), asked["embedding"], truth),
        "silhouette": silhouette(asked["embedding"], truth), **by_heart(faces, predicted(learner, faces))}
