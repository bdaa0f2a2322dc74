"""Which rows: subsets that are balanced, small, disjoint by person, or biased on purpose."""

import torch

from ..errors import InputError


def _generator(seed):
    return torch.Generator().manual_seed(seed)


def rows_by_group(group, count: int, fractions, seed: int):
    """Return row tensors, one a fraction, such that no group (person, clip, …) is in two of them.

    Args:
        group: int64 [count], -1 where unknown (such rows are groups of their own); None: every row alone.
        count: number of rows.
        fractions: shares of the groups; what is left over after them is dropped.
        seed: decides which group goes where.
    """
    if any(f < 0 for f in fractions) or sum(fractions) > 1 + 1e-9:
        raise InputError(f"fractions are {', '.join(f'{f:g}' for f in fractions)}; expected shares with a sum of at most 1")
    group = torch.full((count,), -1) if group is None else group.cpu().clone()
    alone = group < 0
    group[alone] = torch.arange(int(alone.sum())) + (int(group.max()) + 1 if count else 0)
    groups = group.unique()
    groups = groups[torch.randperm(len(groups), generator=_generator(seed))]
    bounds = [round(len(groups) * sum(fractions[:i])) for i in range(len(fractions) + 1)]
    return [torch.isin(group, groups[a:b]).nonzero().flatten() for a, b in zip(bounds[:-1], bounds[1:])]


def balanced_rows(labels, per_class: int | None, seed: int):
    """Return rows with `per_class` faces of every class that occurs (default: as many as the rarest has)."""
    counts = labels[labels >= 0].bincount()
    present = counts.nonzero().flatten()
    rarest = int(counts[present].min()) if len(present) else 0
    per_class = rarest if per_class is None else per_class
    if per_class > rarest:
        raise InputError(f"{per_class} faces of every class asked for, but the rarest class has {rarest}")
    order = torch.randperm(len(labels), generator=_generator(seed))
    return torch.cat([order[labels.cpu()[order] == c][:per_class] for c in present.tolist()] or [order[:0]]).sort().values


def stratified_rows(labels, share: float, seed: int):
    """Return a share of the rows of each class, at least one of each."""
    if not 0 < share <= 1:
        raise InputError(f"share is {share}; expected more than 0 and at most 1")
    labels, order = labels.cpu(), torch.randperm(len(labels), generator=_generator(seed))
    parts = [order[labels[order] == c] for c in labels.unique().tolist()]
    return torch.cat([part[:max(1, round(share * len(part)))] for part in parts] or [order[:0]]).sort().values


def halves(faces, column: str):
    """Return bool [N]: the upper half of a column, and which rows know it; two-valued ones split by value."""
    if column == "valence" or column == "arousal":
        values = faces.column("valence_arousal")[:, column == "arousal"].cpu()
    else:
        values = faces.column(column).cpu().float()
        if column in faces.names or column == "labels":
            values = torch.where(values < 0, torch.nan, values)
    known = ~values.isnan()
    return values > values[known].median() if len(values[known].unique()) > 2 else values > values[known].min(), known


def confounded_rows(faces, attribute: str, label: str, strength: float, seed: int):
    """Return rows in which the upper half of an attribute goes with the upper half of the label.

    Both columns are cut at their median (two-valued ones between the values). `label="labels"` pairs the
    attribute with the class number's half, `"valence"` or `"arousal"` with that axis. Of the returned
    rows a share `strength` agrees (both upper or both lower); each of the four cells keeps its
    attribute half at 50 %, so that only the *relation* changes, not how many faces of a group there are.

    Args:
        strength: 0.5 is no relation, 1 is a perfect one, below 0.5 reverses it.

    Raises:
        InputError: strength outside [0, 1], an unknown column, or a column with a single value.
    """
    if not 0 <= strength <= 1:
        raise InputError(f"strength is {strength}; expected a share between 0 and 1 (0.5: no relation)")
    upper_a, known_a = halves(faces, attribute)
    upper_b, known_b = halves(faces, label)
    order = torch.randperm(len(faces), generator=_generator(seed))
    order = order[(known_a & known_b)[order]]
    cells = {(a, b): order[(upper_a[order] == a) & (upper_b[order] == b)] for a in (False, True) for b in (False, True)}
    shares = {cell: (strength if cell[0] == cell[1] else 1 - strength) / 2 for cell in cells}
    if any(shares[cell] > 0 and len(rows) == 0 for cell, rows in cells.items()):
        raise InputError(f"{faces.name}: {attribute} and {label} do not vary enough to be confounded; "
                         "choose columns with at least two values each")
    total = min(int(len(cells[cell]) / share) for cell, share in shares.items() if share > 0)
    return torch.cat([rows[:round(total * shares[cell])] for cell, rows in cells.items()]).sort().values
