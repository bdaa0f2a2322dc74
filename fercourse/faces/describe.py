"""A table of what a set of faces holds, for `FaceSet.describe()`."""

import pandas as pd


def describe(faces) -> pd.DataFrame:
    """Return one row a class and a row `all`: faces, share, people, domains, wrong labels, missing facts."""
    labels = faces.labels.cpu()
    groups = {word: labels == number for number, word in enumerate(faces.classes)}
    if (labels < 0).any():
        groups["no label"] = labels < 0
    groups["all"] = labels >= -1
    return pd.DataFrame({word: _row(faces, rows) for word, rows in groups.items()}).T.rename_axis(faces.name)


def _row(faces, rows):
    row = {"faces": int(rows.sum()), "share %": round(100 * rows.float().mean().item(), 1) if len(rows) else 0.0}
    if faces.identity is not None:
        people = faces.identity.cpu()[rows].unique()
        row["people"] = int((people >= 0).sum())
    if faces.domain is not None:
        for number, word in enumerate(faces.names["domain"]):
            row[word] = int((faces.domain.cpu()[rows] == number).sum())
    if faces.true_labels is not None:
        row["wrong labels"] = int((faces.labels != faces.true_labels).cpu()[rows].sum())
    if faces.valence_arousal is not None:
        row["no valence/arousal"] = int(faces.valence_arousal.cpu()[rows].isnan().any(1).sum())
    if faces.landmarks is not None:
        row["no landmarks"] = int(faces.landmarks.cpu()[rows].isnan().flatten(1).any(1).sum())
    return pd.Series(row, dtype=object)
