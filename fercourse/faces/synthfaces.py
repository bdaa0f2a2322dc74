"""The embedded synthetic faces: one Parquet file with every ground truth; reading it needs no renderer."""

import hashlib
import io
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from ..errors import InputError
from . import catalogue
from .cache import cached_array
from .emotions import SEVEN
from .faceset import FaceSet
from .listing import Listing
from .manifest import published, verify
from .shapes import places

LABELS = {"truth": "label", "majority": "majority", "single": "single"}
NUMBERS = ("intensity", "blend_share", "yaw", "pitch", "roll", "light_across", "light_up", "age")
WORDS = ("gender", "occluder", "light", "backdrop", "hair", "blend")
COLUMNS = {"id", "image", "split", "domain", "person", "votes", "valence", "arousal", "landmarks", "visible", "units",
           "action_units", "skin_tone", *LABELS.values(), *NUMBERS, *WORDS}
FACTS = ("classes", "domains", "units", "action_units", "genders", "lights", "occluders")
FORMATS = ("WEBP", "PNG", "JPEG")                 # nothing that starts another program


def pack_path() -> Path:
    """Return where the embedded faces are: in an installed package, or in `data/` of a checkout."""
    path = catalogue.get("synthfaces").place / "synthfaces.parquet"
    if not path.is_file():
        raise InputError(f"the embedded faces are missing (looked for {path}); install fercourse again, "
                         "or make them with: fercourse render --out data/synthfaces/synthfaces.parquet")
    return path


def load(split="train", domain=None, labels="truth", root=None) -> FaceSet:
    """Return synthetic faces with everything that is known about each.

    Args:
        split: `train`, `val`, `test`, several joined by `+`, or None for all; no person is in two of them.
        domain: `lab` (grey, frontal, posed), `wild` (colour, posed freely, partly covered), or None for both.
        labels: `truth`, `majority` (of ten annotators) or `single` (one annotator): what `labels` holds;
            `true_labels` holds the truth beside the last two.
        root: another file made by `fercourse render`, or the folder it is in; default: the embedded one.

    Raises:
        InputError: the file is missing or not of this kind, or a word is not among those listed.
    """
    if labels not in LABELS:
        raise InputError(f"labels={labels!r} is unknown for synthfaces; expected one of {', '.join(LABELS)}")
    path = _only_file(Path(root).expanduser()) if root is not None else pack_path()
    table, facts = _table(path, path.stat().st_mtime_ns if path.is_file() else 0)
    rows = _rows(table, split, domain)
    name = "synthfaces" + (f"/{domain}" if domain else "") + (f":{split}" if split else "")
    return _faces(table, facts, _images(path, table, facts), rows, labels, name, split or "all")


def verified(place) -> tuple[Listing, dict]:
    """Return what a check looks at, and the counts of the manifest, once every byte is as the manifest says.

    Args:
        place: a file made by `fercourse render`, or the folder it is in.

    Raises:
        InputError: see `manifest.verify`; several such files in the folder; a picture that cannot be decoded.
    """
    path = _only_file(Path(place))
    manifest = verify(path)
    table, facts = _table(path, path.stat().st_mtime_ns)
    note = (f"{path.name} is the file of its manifest, byte for byte: {manifest['bytes']:,} bytes, "
            f"SHA-256 {manifest['sha256']}")
    listing = Listing(
        name="synthfaces", classes=SEVEN, root=str(path), notes=(note,), labels=_codes(table["label"], SEVEN).numpy(),
        split=table["split"].to_numpy(str), ids=table["id"].to_numpy(np.int64),
        pixels=_images(path, table, facts).transpose(0, 2, 3, 1))
    return listing, published(manifest)


def _only_file(place):
    files = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
    if not files:
        raise InputError(f"{place} holds no .parquet file of synthetic faces; make one with: "
                         f"fercourse render --out {place / 'synthfaces.parquet'}")
    if len(files) != 1:
        raise InputError(f"{place} holds {len(files)} files of faces; name one of them with root (--root)")
    return files[0]


@lru_cache(maxsize=2)
def _table(path: Path, _modified: int):
    """Return the file's columns but for the pictures (a pandas frame) and its facts."""
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputError(f"{path} does not exist; make it with: fercourse render --out {path}")
    try:
        file = pq.ParquetFile(path)
        facts = json.loads(file.schema_arrow.metadata[b"fercourse"])
        _check(facts, file.schema_arrow)
        columns = [name for name in file.schema_arrow.names if name != "image"]
        return file.read(columns).to_pandas(), facts
    except (KeyError, TypeError, AttributeError, ValueError, OSError, RuntimeError) as error:  # pyarrow's among them
        raise InputError(f"{path} is not a file of synthetic faces ({error}); make it again with: "
                         "fercourse render") from error


def _check(facts, schema):
    """Raise an error unless a file has the columns and facts that are read later."""
    if lacking := COLUMNS - set(schema.names):
        raise ValueError(f"it has no column {min(lacking)}")
    if schema.field("image").type.get_field_index("bytes") < 0:
        raise ValueError("its images have no bytes")
    if type(facts["size"]) is not int or not 16 <= facts["size"] <= 1024:
        raise ValueError(f"its size is {facts['size']!r}, expected 16 to 1024 pixels")
    for name in FACTS:
        if not isinstance(facts[name], list) or not all(isinstance(word, str) for word in facts[name]):
            raise ValueError(f"its {name} are no list of words")


def _images(path, table, facts):
    """Return all pictures, uint8 [N, 3, S, S], decoded once and then mapped from the cache."""
    about = json.dumps([path.stat().st_size, facts, len(table)], sort_keys=True)
    first = table.id.to_numpy().tobytes()
    key = hashlib.sha256(about.encode() + first + _fingerprint(path)).hexdigest()[:24]
    return cached_array(f"synthfaces-{key}", lambda: decode_pictures(path, facts["size"]))


def _fingerprint(path):
    """Return the last 64 KiB of the file: its Parquet footer, with the sizes and statistics of every column."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65536))
        return file.read()


def decode_pictures(path, size: int) -> np.ndarray:
    """Decode every picture of a file of synthetic faces: uint8 [N, 3, size, size]."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    pictures = np.empty((file.metadata.num_rows, 3, size, size), np.uint8)
    encoded = (data for part in file.iter_batches(1024, columns=["image"]) for data in part["image"].field("bytes"))
    for row, data in enumerate(encoded):
        try:
            pictures[row] = _picture(data.as_py(), size)
        except Exception as error:               # Pillow's decoders raise nearly everything on damaged bytes
            raise InputError(f"{path}: the picture in row {row} cannot be decoded ({error}); "
                             "fetch or render the file again") from error
    return pictures


def _picture(data, size):
    """Return one picture, uint8 [3, size, size]; what is larger is never decoded."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.size != (size, size):
            raise ValueError(f"{image.width}x{image.height} pixels, expected {size}x{size}")
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def _rows(table, split, domain):
    keep = np.ones(len(table), bool)
    for column, wanted in (("split", split), ("domain", domain)):
        if wanted is not None:
            words = wanted.split("+") if column == "split" else [wanted]
            known = sorted(table[column].unique())
            wrong = [w for w in words if w not in known]
            if wrong:
                raise InputError(f"synthfaces has no {column} {wrong[0]!r}; expected one of {', '.join(known)}")
            keep &= table[column].isin(words).to_numpy()
    rows = np.flatnonzero(keep)
    if not len(rows):
        raise InputError(f"synthfaces has no faces with split {split!r} and domain {domain!r}; choose others")
    return rows


def _faces(table, facts, images, rows, labels, name, split):
    """Build the FaceSet of some rows; a contiguous stretch of rows shares the mapped pictures."""
    part = table.iloc[rows]
    contiguous = rows[-1] - rows[0] + 1 == len(rows)
    picked = images[rows[0] : rows[-1] + 1] if contiguous else images[rows]
    number, stack = _column_readers(part)
    truth = _codes(part["label"], SEVEN)
    names = {"domain": tuple(facts["domains"]), "units": tuple(facts["units"]),
             "action_units": tuple(facts["action_units"])}
    attributes = {column: number(column) for column in NUMBERS}
    attributes["skin_tone"] = torch.from_numpy(part["skin_tone"].to_numpy(np.int64, copy=True))
    for column in WORDS:
        names[column] = _words(table, facts, column)
        attributes[column] = _codes(part[column], names[column])
    return FaceSet(
        images=torch.from_numpy(picked), labels=_codes(part[LABELS[labels]], SEVEN), classes=SEVEN,
        ids=torch.from_numpy(part["id"].to_numpy(np.int64, copy=True)), name=name, split=split,
        true_labels=None if labels == "truth" else truth, votes=stack("votes"),
        valence_arousal=torch.stack([number("valence"), number("arousal")], 1),
        identity=torch.from_numpy(part["person"].to_numpy(np.int64, copy=True)),
        landmarks=stack("landmarks").reshape(len(part), 68, 2), visible=stack("visible").bool(),
        units=stack("units"), action_units=stack("action_units"),
        domain=_codes(part["domain"], names["domain"]), attributes=attributes, names=names)


def _column_readers(part):
    def number(column):
        return torch.from_numpy(part[column].to_numpy(np.float32, copy=True))

    def stack(column):
        return torch.from_numpy(np.stack(part[column].to_numpy()).astype(np.float32))

    return number, stack


def _codes(column, words):
    """Return int64 positions of words, -1 for none."""
    return torch.tensor(places(column, words))


def _words(table, facts, column):
    known = {"gender": "genders", "light": "lights", "occluder": "occluders", "blend": "classes"}
    return tuple(facts[known[column]]) if column in known else tuple(sorted(table[column].dropna().unique()))
