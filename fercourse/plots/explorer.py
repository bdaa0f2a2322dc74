"""The interactive explorer: one HTML file that works offline; hover a point and see the face."""

import base64
import io
import json
import math
import re
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch

from ..errors import InputError
from ..files import write_text
from .arrays import as_array
from .faces import as_images
from .grouping import UNKNOWN, grouping

MOST = 20_000           # faces in one file
THUMBNAIL = 64          # pixels of a face, at most
WIDEST = 8192           # pixels of the sprite sheet
NAMES = {"labels": "label", "true_labels": "true label", "identity": "person"}
NOTES = {"skin tone": "1 lightest, 10 darkest skin"} | {        # beside the colour bar
    name: "degrees" for name in ("yaw", "pitch", "roll", "light across", "light up")}


@dataclass(frozen=True)
class Explorer:
    """The finished page.

    Attributes:
        html: the whole file.
        path: where it was written, or None.
    """

    html: str
    path: Path | None = None

    def __repr__(self):
        place = f"{self.path}: open it in a browser, or" if self.path else "not saved;"
        return f"Explorer ({len(self.html) / 1e6:.1f} MB, {place} .show() here)"

    def show(self, height=640):
        """Display the page inside a notebook; its size is added to the notebook's."""
        from IPython.display import publish_display_data
        frame = (f'<iframe title="Interactive explorer of an embedding" srcdoc="{escape(self.html)}" '
                 f'style="width:100%;height:{height}px;border:1px solid #ddd"></iframe>')
        publish_display_data({"text/html": frame, "text/plain": repr(self)})


def explorer(points, faces, out=None, predictions=None, neighbours=None, title=None, alt=None) -> Explorer:
    """Write one self-contained HTML file to explore an embedding: hover, toggle, search, zoom.

    Args:
        points: [N, 2], see `fercourse.embed.project`.
        faces: the FaceSet of the same N faces, at most 20,000; faces larger than 64 px are made smaller.
        out: file to write; None only returns the page.
        predictions: int64 [N] into the classes, or logits [N, C].
        neighbours: int64 [N, K] rows of each face's nearest, see `fercourse.evaluate.nearest`; by default the
            six nearest in the picture.
        title: heading of the page; alt: what the picture shows.
    """
    points = _plane(points, len(faces))
    columns, facts = _columns(faces, predictions), _facts(faces, predictions)
    nearest = "Nearest in the picture" if neighbours is None else "Nearest by features"
    near = _nearest_points(points) if neighbours is None else torch.as_tensor(neighbours).cpu()
    atlas, size, across = _atlas(faces)
    data = {"x": _short(points[:, 0]), "y": _short(points[:, 1]), "ids": [str(n) for n in faces.ids.tolist()],
            "people": _people(faces), "columns": columns, "facts": facts, "near": near.tolist(),
            "ramp": _ramp(), "atlas": atlas, "size": size, "across": across}
    title = title or f"{len(faces):,} faces of {faces.name}"
    words = {"__TITLE__": escape(title), "__NEAREST__": nearest, "__DATA__": _json(data),
             "__ALT__": escape(alt or f"Embedding of {len(faces):,} faces, {grouping(faces).sentence()}")}
    page = (files(__package__) / "explorer.html").read_text(encoding="utf-8")
    page = re.sub("|".join(words), lambda found: words[found[0]], page)         # once: a set's own words may look alike
    return _written(Explorer(page, out and Path(out)))


def _written(page):
    if page.path:
        write_text(page.path, page.html)
    return page


def _plane(points, count):
    """Return the points centred in the square from -1 to 1."""
    points = torch.as_tensor(points).detach().float().cpu()
    if points.shape != (count, 2):
        raise InputError(f"points are {list(points.shape)}, expected [{count}, 2] like the faces")
    if not 0 < count <= MOST:
        raise InputError(f"the explorer shows 1 to {MOST:,} faces, not {count:,}; take some, such as "
                         f"fercourse.embed.at_most(faces, {MOST})")
    low, high = points.min(0).values, points.max(0).values
    return (points - (low + high) / 2) / ((high - low).max() / 2).clamp(min=1e-12)


def _nearest_points(points, count=6, chunk=2048):
    rows = []
    for first in range(0, len(points), chunk):
        apart = torch.cdist(points[first:first + chunk], points)
        apart.diagonal(first).fill_(torch.inf)
        rows.append(apart.topk(min(count, len(points) - 1), largest=False).indices)
    return torch.cat(rows)


# ---------------------------------------------------------------------- what is known about each face


def _predicted(faces, predictions):
    """Return the predicted words; None without predictions."""
    if predictions is None:
        return None
    predictions = torch.as_tensor(predictions).cpu()
    predictions = predictions.argmax(1) if predictions.ndim == 2 else predictions
    if len(predictions) != len(faces):
        raise InputError(f"{len(predictions)} predictions for {len(faces)} faces, expected one a face")
    return [faces.classes[n] if n >= 0 else UNKNOWN for n in predictions.tolist()]


def _columns(faces, predictions):
    """Return what points can be coloured by, most useful first."""
    predicted, columns = _predicted(faces, predictions), {"label": grouping(faces)}
    if predicted:
        truth = faces.words("labels" if faces.true_labels is None else "true_labels")
        columns["prediction"] = grouping(faces, predicted)
        columns["right"] = grouping(faces, ["right" if a == b else "wrong" for a, b in zip(predicted, truth)])
    named = [n for n in ("true_labels", "identity", "domain") if getattr(faces, n) is not None]
    single = [n for n, column in faces.attributes.items() if column.ndim == 1]
    columns |= {NAMES.get(name, name.replace("_", " ")): grouping(faces, name) for name in named + single}
    return [_column(name, groups) for name, groups in columns.items()]


def _column(name, groups):
    if groups.words:
        return {"name": name, "words": groups.words, "codes": groups.codes.tolist(), "colours": groups.colours,
                "markers": groups.markers}
    known = groups.values[np.isfinite(groups.values)]
    low, high = (float(f"{v:.4g}") for v in ((known.min(), known.max()) if len(known) else (0, 1)))
    return {"name": name, "values": _short(groups.values), "low": low, "high": high, "note": NOTES.get(name)}


def _facts(faces, predictions):
    """Return the lines beside a face: [{name, values}], null where nothing is known."""
    lines = {"label": faces.words("labels")}
    if faces.true_labels is not None:
        lines["true label"] = faces.words("true_labels")
    if predictions is not None:
        lines["prediction"] = _predicted(faces, predictions)
    if faces.votes is not None:
        lines["votes"] = [_votes(row, faces.classes) for row in faces.votes.tolist()]
    if faces.identity is not None:
        lines["person"] = _people(faces)
    if faces.valence_arousal is not None:
        lines |= dict(zip(("valence", "arousal"), map(_short, faces.valence_arousal.T)))
    others = {"domain": faces.domain, **faces.attributes}
    lines |= {name.replace("_", " "): faces.words(name) if faces.vocabulary(name) else _short(column)
              for name, column in others.items() if column is not None and column.ndim == 1}
    return [{"name": name, "values": [None if v == UNKNOWN and name != "label" else v for v in values]}
            for name, values in lines.items()]


def _votes(row, classes):
    cast = sorted(((n, word) for n, word in zip(row, classes) if n > 0), reverse=True)
    return ", ".join(f"{word} {n:.3g}" for n, word in cast) or None


def _people(faces):
    if faces.identity is None:
        return None
    if faces.vocabulary("identity"):
        return [word.lower() for word in faces.words("identity")]
    return [str(n) if n >= 0 else UNKNOWN for n in faces.identity.tolist()]


# ---------------------------------------------------------------------- how it is packed


def _atlas(faces):
    """Return (data URI, side in pixels, faces in a row) of one sprite sheet of all faces."""
    from PIL import Image
    size = min(THUMBNAIL, max(faces.images.shape[2:]))
    images = as_images(faces.resize(size).images)
    across = min(WIDEST // size, math.ceil(math.sqrt(len(images))))
    sheet = np.zeros((math.ceil(len(images) / across) * size, across * size, 3), np.uint8)
    for i, image in enumerate(images):
        y, x = divmod(i, across)
        sheet[y * size:(y + 1) * size, x * size:(x + 1) * size] = image
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}", size, across


def _ramp(steps=32):
    from matplotlib import colormaps
    from matplotlib.colors import to_hex
    return [to_hex(colour) for colour in colormaps["cividis"](np.linspace(0, 1, steps))]


def _short(values):
    return [float(f"{v:.4g}") if math.isfinite(v) else None for v in as_array(values, float).tolist()]


def _json(data):
    """Return JSON that cannot leave a script element, whatever a stranger's words are."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
