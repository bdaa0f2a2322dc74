"""The numbers of a trained method on a set of faces."""

import math

import torch

from ..contract import called
from ..errors import InputError
from ..faces.sampling import alone_where_unknown
from ..faces.shapes import renumbered
from ..look import see_all
from .affect import affect_scores, mean_ccc
from .bootstrap import LEAST, bootstrap
from .classes import accuracy, class_scores
from .geometry import silhouette, uniformity
from .probes import affect_probe, has_leak, identity_leak, knn_accuracy, linear_probe


def seen(method, faces, batch_size: int = 512) -> dict:
    """Return `embedding` [N, D] and `logits` [N, C] of the faces at the method's size, float32 on its device.

    Where the method regresses, the logits are valence and arousal [N, 2].

    Raises:
        InputError: answers that are NaN or infinite, or of another shape; minus infinity is a class ruled out.
    """
    answers = see_all(method, faces.resize(method.size).images, batch_size=batch_size)
    for name, value in answers.items():
        bad = value.isnan() | value.isposinf()                    # minus infinity is a class that is ruled out
        if spoilt := int(bad.reshape(len(bad), -1).any(1).sum()):
            raise InputError(f"{called(method)}: {name} is not finite for {spoilt} of {len(value)} faces; its weights "
                             "are spoilt, or embed or decide divides by 0")
    return answers


def predicted(method, faces) -> torch.Tensor:
    """Return the classes [N] that a method tells for faces, on the CPU."""
    return seen(method, faces)["logits"].argmax(1).cpu()


def evaluate(method, faces, draws: int = 200) -> dict:
    """Return plain values: class or valence-arousal scores; the truth is scored.

    The accuracy, or the mean CCC, has its 95 % interval over people; over faces where people are not known. It is None
    where they are too few, see `bootstrap.LEAST`. `people` counts them: each face of somebody unknown is a person of
    its own; None where nobody is known.

    Args:
        faces: their true labels are used where they are known apart from the labels.
        draws: bootstrap resamples; 0 leaves the interval out.

    Raises:
        InputError: no face of a class that the method knows, no valence and arousal where it regresses, or answers that
            are not finite.
    """
    logits = seen(method, faces)["logits"].cpu()
    if regresses(method):
        return _affect(logits, faces, draws)
    truth = truth_in(method, faces)
    if (truth < 0).all():
        raise InputError(f"{faces.name} has no face of a class that this run knows: {', '.join(method.classes)}")
    scores = class_scores(logits.argmax(1), truth, method.classes)
    return scores | _interval("accuracy", accuracy, logits.argmax(1), truth, faces, truth >= 0, draws)


def accuracy_apart(method, faces, train) -> dict:
    """Return the accuracy over the faces whose `group`, such as a near-duplicate's, does not occur in training.

    It is `{"accuracy_apart": share}`; empty where either set knows no groups, or where all of them occur.

    Args:
        faces, train: two parts of one set, whose groups count as one.
    """
    asked, taught = (one.attributes.get("group") for one in (faces, train))
    if asked is None or taught is None:
        return {}
    apart = faces.subset(~torch.isin(asked.cpu(), taught.cpu()))
    return {"accuracy_apart": accuracy(predicted(method, apart), truth_in(method, apart))} if len(apart) else {}


def _affect(guess, faces, draws):
    truth = faces.column("valence_arousal").cpu()
    known = ~truth.isnan().any(1)
    if not known.any():
        raise InputError(f"{faces.name} has no face with valence and arousal, which this run tells; score another set")
    return affect_scores(guess, truth) | _interval("mean_ccc", mean_ccc, guess, truth, faces, known, draws)


def _interval(name, measure, guess, truth, faces, known, draws):
    """Return `people` and the interval of a measure over the known rows; nothing where no resample is asked for."""
    if not draws:
        return {}
    groups = None if faces.identity is None else faces.identity.cpu()[known]
    found = bootstrap(measure, guess[known], truth[known], groups=groups, draws=draws, least=LEAST)
    ends = [found["low"], found["high"]]
    named = groups is not None and (groups >= 0).any()
    return {"people": len(alone_where_unknown(groups).unique()) if named else None,
            f"{name}_interval": None if any(map(math.isnan, ends)) else ends}


def features_report(method, train, test) -> dict:
    """Return what the frozen features are worth: probes, k-NN, geometry, identity leakage, as far as truth is known.

    The readers learn on `train` and are scored on the truth of `test`: classes by a linear probe and by
    neighbours, valence and arousal by ridge regression (`affect_probe`, the mean CCC).
    """
    known, asked = seen(method, train)["embedding"], seen(method, test)["embedding"]
    labels, truth = truth_in(method, train, "labels").to(known.device), truth_in(method, test).to(known.device)
    report = {"uniformity": uniformity(asked)} if len(asked) > 1 else {}
    if (labels >= 0).any() and (truth >= 0).any():
        guess = linear_probe(known, labels, len(method.classes))(asked).argmax(1)
        report = {"linear_probe": accuracy(guess, truth), "knn": knn_accuracy(known, labels, asked, truth),
                  "silhouette": silhouette(asked, truth), **report}
    if all(faces.valence_arousal is not None and not faces.valence_arousal.isnan().all() for faces in (train, test)):
        guess = affect_probe(known, train.valence_arousal)(asked)
        report["affect_probe"] = mean_ccc(guess.cpu(), test.valence_arousal.cpu())
    if test.identity is not None and has_leak(test.identity):
        report["identity_leak"] = identity_leak(asked, test.identity)
    return report


def regresses(method) -> bool:
    """Return whether a method predicts valence and arousal, not classes."""
    return getattr(method, "regresses", False)


def truth_in(method, faces, column="true_labels"):
    """Return a set's labels in the method's classes, matched by name, -1 where the method has no such class.

    Args:
        column: `true_labels`, which are the labels where no others are known, or `labels`, those in use.

    Raises:
        InputError: another column.
    """
    if column not in ("labels", "true_labels"):
        raise InputError(f"the truth was asked for in {column!r}; expected 'true_labels' or 'labels'")
    labels = faces.labels if column == "labels" else faces.truth
    return renumbered(labels.cpu(), faces.classes, method.classes)
