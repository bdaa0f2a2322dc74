"""A table of what a set of faces holds, for `FaceSet.describe()`."""

import pandas as pd

from .shapes import unknown

MISSING = {"identity": "no person", "valence_arousal": "no valence/arousal", "landmarks": "no landmarks"}


def describe(faces) -> pd.DataFrame:
    """Return one row a class and a row `all`: faces, share, people, domains, wrong labels, missing facts."""
    labels = faces.labels.cpu()
    groups = {word: labels == number for number, word in enumerate(faces.classes)}
    if (labels < 0).any():
        groups["no label"] = labels < 0
    groups["all"] = labels >= -1
    columns = {name: column.cpu() for name, column in faces.columns().items() if name != "images"}
    table = {word: _row(columns, rows, faces.vocabulary("domain") or ()) for word, rows in groups.items()}
    return pd.DataFrame.from_dict(table, orient="index").rename_axis(faces.name)


def _row(columns, rows, domains):
    row = {"faces": int(rows.sum()), "share %": round(100 * int(rows.sum()) / max(1, len(rows)), 1)}
    columns = {name: column[rows] for name, column in columns.items()}
    if "identity" in columns:
        people = columns["identity"].unique()
        row["people"] = int((people >= 0).sum())
    for number, word in enumerate(domains):
        row[word] = int((columns["domain"] == number).sum())
    if "true_labels" in columns:
        truth = columns["true_labels"]
        row["wrong labels"] = int(((columns["labels"] != truth) & (truth >= 0)).sum())
    if "votes" in columns:
        row["no votes"] = int((columns["votes"].nan_to_num().sum(1) <= 0).sum())
    missing = {name: heading for name, heading in MISSING.items() if name in columns}
    return row | {heading: int(unknown(columns[name]).sum()) for name, heading in missing.items()}
