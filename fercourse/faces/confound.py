"""Bias on purpose: draw a training subset in which an attribute predicts the label."""

from dataclasses import replace

import torch

from ..errors import InputError
from .emotions import UNPLEASANT
from .sampling import shuffled
from .shapes import unknown


def confound(faces, attribute: str, label="valence", strength: float = 0.9, seed: int = 0):
    """Return the largest subset in which a share `strength` of the faces agrees: both upper, or both lower.

    The attribute is cut in two where the cut is most even (two-valued ones between the values, words in
    their order). The label is cut likewise for `"valence"` and `"arousal"`; a class word, or several,
    is the upper side against all other classes, and `"labels"` sets the unpleasant classes (sadness, fear,
    disgust, anger, contempt) against the others. The strength holds in every class (for an axis: on
    either side), up to rounding, and the classes keep the shares they have in `faces`; one that has
    less than half of what the others can give contributes what it has, and `notes` say so.

    Args:
        attribute: a column, such as `"skin_tone"`, `"age"`, `"gender"`.
        label: `"valence"`, `"arousal"`, `"labels"`, a class word, or a collection of class words.
        strength: 0.5 is no relation, 1 a perfect one, below 0.5 a reversed one.
        seed: decides which faces are drawn.

    Raises:
        InputError: strength outside [0, 1], a column this set does not know, or that has several numbers a face or one
            value only.
    """
    if not 0 <= strength <= 1:
        raise InputError(f"strength is {strength:g}; expected a share between 0 and 1 (0.5: no relation)")
    upper, known = halves(faces.column(attribute).cpu(), f"{faces.name}: {attribute}")
    stratum, stratum_upper, stratum_known, words = _strata(faces, label)
    agrees, known = upper == stratum_upper, known & stratum_known
    order = shuffled(len(faces), seed, "confound")
    order = order[known[order]]
    pools = [(order[(stratum == s)[order] & agrees[order]], order[(stratum == s)[order] & ~agrees[order]])
             for s in range(len(words))]
    counts, short = _counts(pools, strength)
    if not sum(counts):
        raise InputError(f"{faces.name}: no face is left where {attribute} predicts {_axis_words(label)} "
                         f"with strength {strength:g}; choose columns that vary in both")
    rows = [part for pool, count in zip(pools, counts) for part in _draw(pool, count, strength)]
    note = f"{attribute} predicts {_axis_words(label)} with strength {strength:g} (seed {seed})"
    if short:
        note += f"; fewer faces than their share: {', '.join(words[s] for s in short)}"
    return replace(faces.subset(torch.cat(rows).sort().values), notes=(*faces.notes, note))


def halves(values, what: str):
    """Return the upper side of a column at its most even cut, bool [N], and its known rows, bool [N]."""
    if values.ndim > 1:
        raise InputError(f"{what} has several numbers a face; expected a column with one, such as age or gender")
    known = ~unknown(values)
    distinct, counts = values[known].unique(return_counts=True)
    if len(distinct) < 2:
        raise InputError(f"{what} has {len(distinct)} different values; expected at least two to cut between")
    below = counts.cumsum(0)[:-1]
    first_upper = distinct[1 + (2 * below - int(known.sum())).abs().argmin()]
    return (values >= first_upper) & known, known


def _strata(faces, label):
    """Return what keeps its share: stratum int64 [N], upper bool [N], known bool [N], words of the strata."""
    if label in ("valence", "arousal"):
        upper, known = halves(faces.column(label).cpu(), f"{faces.name}: {label}")
        return upper.long(), upper, known, (f"lower {label}", f"upper {label}")
    labels = faces.labels.cpu()
    side = torch.tensor([word in _upper_words(faces, label) for word in faces.classes])
    if len(side[labels[labels >= 0]].unique()) < 2:
        raise InputError(f"{faces.name} has no faces on one side of {_axis_words(label)}; "
                         f"expected some of its classes {', '.join(faces.classes)} on either side")
    return labels, side[labels], labels >= 0, faces.classes


def _upper_words(faces, label):
    words = UNPLEASANT if label == "labels" else (label,) if isinstance(label, str) else tuple(label)
    strange = [word for word in words if word not in faces.classes]
    if strange and label != "labels":
        raise InputError(f"{faces.name} has no class {', '.join(map(repr, strange))}; expected valence, "
                         f"arousal, labels, or one or more of {', '.join(faces.classes)}")
    return words


def _counts(pools, strength):
    """Return how many faces each stratum gives, and the strata that fall short of the common level."""
    sizes = torch.tensor([len(agree) + len(other) for agree, other in pools], dtype=torch.float64)
    most = torch.tensor([_most(*pool, strength) for pool in pools])
    share = most / sizes.clamp(min=1)
    able = (sizes > 0) & (share >= share[sizes > 0].median() / 2)
    level = share[able].min()
    wanted = (level * sizes).round().long()
    return torch.minimum(wanted, most).tolist(), ((wanted > most) & ~able).nonzero().flatten().tolist()


def _most(agree, other, strength):
    """Return the largest n with `strength * n` faces in `agree` and the rest in `other`."""
    limits = [len(pool) / share for pool, share in ((agree, strength), (other, 1 - strength)) if share > 1e-9]
    return int(min(limits) + 1e-6)


def _draw(pool, count, strength):
    agreeing = round(strength * count)
    return pool[0][:agreeing], pool[1][:count - agreeing]


def _axis_words(label):
    return label if isinstance(label, str) else " or ".join(label)
