"""`fercourse data check`: what is on disk against what was published; every surprise by name."""

import math
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import chain

import numpy as np

from ..errors import InputError
from . import catalogue
from .decode import Crop, decode
from .listing import Reject
from .load import EMBEDDED
from .readers.duplicates import digests
from .readers.splits import crossing
from .unpack import is_pack, open_pack

BLANK = 8                                         # levels between the darkest and the brightest pixel of a channel
LOOK = Crop(48)                                   # how files are opened to look at them


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        name, title, root: the set and where it is.
        splits: samples in each split.
        counts: samples found of each class, by published part (`train+val`), or by split where nothing is
            published.
        published: the same from the literature; only parts and classes that were published.
        surprises: one sentence for everything that is not as published.
        notes: what the reader did, such as which splits it dealt.
        rejects: samples that cannot be used, each with the reason.
    """

    name: str
    title: str
    root: str
    splits: dict[str, int]
    counts: dict[str, dict[str, int]]
    published: dict[str, dict[str, int]]
    surprises: tuple[str, ...]
    notes: tuple[str, ...]
    rejects: tuple[Reject, ...]

    def as_dict(self) -> dict:
        """Return everything as plain types for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Seen:
    """What opening the images showed: `rows` [n] of the listing that can be read, whether each is `blank`, equal
    numbers in `copies` for those that are the same, and the rejects."""

    rows: np.ndarray
    blank: np.ndarray
    copies: np.ndarray
    rejects: tuple[Reject, ...] = ()


def check(name: str, root=None, pictures: bool = True, /, **options) -> Report:
    """Read a set, or every byte of a pack of it, and compare it with its published counts.

    Synthetic faces are compared with the manifest beside them, byte for byte.

    Args:
        name, root, options: as for `load_faces`.
        pictures: open every image file as well, to find those that cannot be read, are blank or are there twice.

    Raises:
        InputError: the set cannot be read at all, or options of a pack or of synthetic faces.
    """
    info = catalogue.get(name)
    listing, published, images = _read(info, root, options)
    counts, seen = _counts(listing, published), _look(listing, images, pictures)
    rejects = (*listing.rejects, *(seen.rejects if seen else ()))
    surprises = (*_against(published, counts), *_unpublished(listing, published), *_rejected(rejects),
                 *crossing(listing.split, listing.identity, listing.identity_names),
                 *(_pixels(listing, seen) if seen else ()))
    notes = tuple(note for note in listing.notes if note not in surprises)
    return Report(info.name, info.title, listing.root, listing.splits, counts, published, surprises, notes, rejects)


def _read(info, root, options):
    """Return the listing of a set, the counts it should have, and its images [N, channels, …] if they are at hand."""
    packed = root is not None and is_pack(root)
    if options and (packed or info.name == EMBEDDED):
        raise InputError(f"{root if packed else info.name}: {', '.join(options)} cannot be chosen; expected no "
                         "options, because its faces are decoded already")
    if packed:
        pack = open_pack(root, verify=True, name=info.name)
        return pack.listing, info.counts, pack.images
    if info.name == EMBEDDED:
        from .synthfaces import verified
        return *verified(catalogue.find(info.name, root)), None
    listing = catalogue.read(info.name, root, **options)
    return listing, info.counts, None if listing.pixels is None else listing.pixels[:, None]


def _counts(listing, published):
    parts = published or listing.splits
    present = {part: [w for w in part.split("+") if part == "all" or w in listing.splits] for part in parts}
    return {part: listing.counts("+".join(words)) for part, words in present.items() if words}


def _against(published, counts):
    """Yield a sentence for every part and class whose count is not the published one."""
    for part, classes in published.items():
        total = sum(classes.values())
        if part not in counts:
            yield f"{part} is absent (published: {total:,} faces)"
            continue
        for word, count in counts[part].items():
            expected = classes.get(word, 0)
            if expected == 0 and count:
                yield f"{part}: {count:,} faces of {word}, which was not published"
            elif count != expected:
                yield f"{part}: {count:,} faces of {word}, published {expected:,} ({count - expected:+,})"


def _unpublished(listing, published):
    parts = {word for part in published for word in part.split("+")}
    if parts and "all" not in parts:
        yield from (f"{split}: {count:,} faces in a part without published counts"
                    for split, count in listing.splits.items() if split not in parts)


def _rejected(rejects):
    kinds = Counter(reject.reason.split(":")[0] for reject in rejects)
    for kind, count in kinds.most_common():
        first = next(reject for reject in rejects if reject.reason.startswith(kind))
        yield f"{count:,} rejected for {kind}; the first: {first}"


def _look(listing, images, pictures):
    """Return what the images of a listing show; None where they are not to be opened."""
    if images is not None:
        return _Seen(np.arange(len(listing)), *_facts(images))
    if listing.files is None or not len(listing) or not pictures:
        return None
    pieces = [(piece.rows, *_facts(piece.images), piece.rejects) for piece in decode(listing, LOOK)]
    return _Seen(*map(np.concatenate, list(zip(*pieces))[:3]), tuple(chain(*(rejects for *_, rejects in pieces))))


def _facts(pixels):
    """Return of images [n, channels, …] which are blank, and a text that only exact copies share."""
    flat = pixels.reshape(*pixels.shape[:2], math.prod(pixels.shape[2:]))
    return np.ptp(flat, axis=2).max(1) <= BLANK, digests(pixels).astype(str)


def _pixels(listing, seen):
    """Yield what only images show."""
    listing = listing.take(seen.rows)
    blank = np.flatnonzero(seen.blank)
    if len(blank):
        names = listing.ids if listing.files is None else listing.files
        yield f"{len(blank)} blank images, {'rows ' if listing.files is None else ''}{_some(names[blank])}"
    yield from _copies(listing, seen)


def _copies(listing, seen):
    """Yield how many images repeat another, and how many of those cross splits or disagree in their label."""
    _, image = np.unique(seen.copies, return_inverse=True)
    repeated = np.bincount(image)[image] > 1
    official = np.unique(np.where(listing.split == "val", "train", listing.split), return_inverse=True)[1]
    if repeated.any():
        yield (f"{int(repeated.sum()):,} images are exact copies of each other, {_mixed(image, listing.labels):,} of "
               f"them under different labels, {_mixed(image, official):,} in several official parts")
    leaking = 0 if listing.group is None or listing.pixels is None else _mixed(listing.group, official)
    if leaking:
        yield f"{leaking:,} images look like one in another official part (near-duplicates)"


def _mixed(group, column):
    """Return how many rows are in a group that holds more than one value of a column."""
    pairs = np.unique(np.stack([group, column]), axis=1)
    return int((np.bincount(pairs[0], minlength=group.max() + 1) > 1)[group].sum())


def _some(numbers, count=5):
    words = ", ".join(map(str, numbers[:count].tolist()))
    return words + (", …" if len(numbers) > count else "")
