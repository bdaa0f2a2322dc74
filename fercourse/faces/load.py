"""`load_faces`: the one call a lesson types, the same for embedded, real and packed faces."""

import hashlib
import inspect
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tqdm.auto import tqdm

from ..errors import InputError
from . import catalogue
from .cache import cached, warn_of_memory
from .decode import DEFAULT_SIZE, Crop
from .faceset import FaceSet
from .listing import Listing
from .pack import memory_pack, stream_pack
from .unpack import Pack, is_pack, open_pack

EMBEDDED = "synthfaces"
# What a set's pixels and columns depend on, beside its own reader: a change there decodes every set anew, and a change
# elsewhere none. (FER+ reads FER2013's table.)
DECODING = ("decode", "emotions", "listing", "pack", "unarchive", "unpack", *(f"readers/{name}" for name in (
    "common", "duplicates", "fer2013", "found", "heading", "own", "sequences", "splits", "tables")))


def load_faces(name=EMBEDDED, split="train", root=None, domain=None, size=None, labels="truth",
               **options) -> FaceSet:
    """Return a set of faces, or a part of it.

    Args:
        name: a set of the catalogue (`fercourse data list`), or the path of a pack or of rendered faces; with
            `/DOMAIN` and `:SPLIT` as on the command line, if you like: `synthfaces/lab:test`.
        split: `train`, `val`, `test`, a word of the set's own such as `PublicTest`, several joined by `+`;
            None for all faces.
        root: where a real set is: its folder, the folder it is in, its archive, or a pack of it.
        domain: only faces of this domain, such as `lab` or `wild`.
        size: pixels on a side; default: as the set or pack has it, 112 for sets of image files.
        labels: for synthfaces `truth`, `majority` or `single` (annotators); real sets have one kind.
        options: what the set's reader understands.

    The first call on a real set decodes it into the cache; later ones map those pixels, without a copy where
    the part is a split. Faces that cannot be read are left out, told in a warning and in `notes`.

    >>> faces = load_faces("synthfaces", split="test", domain="wild")
    >>> len(faces), faces.classes[1]
    (1200, 'happiness')

    Raises:
        InputError: an unknown set, split, domain or option; a name that says another split or domain than the
            argument does; nothing found below root; no face left.
    """
    name = os.path.expanduser(os.fspath(name))                        # noqa: PTH111 (no error without a home)
    name, split, domain = _taken_apart(name, split, domain)
    if is_embedded(name):
        name = EMBEDDED
    if name.endswith(".parquet"):
        name, root = EMBEDDED, name
    packed = next((path for path in (root, name) if path is not None and _names_pack(path)), None)
    if packed is not None:
        faces = _from_pack(name, packed, split, domain, {"labels": labels} | options)
    elif name == EMBEDDED:
        from . import synthfaces
        if options:
            raise InputError(f"{name} has no option {next(iter(options))!r}; expected split, domain, labels, size")
        faces = synthfaces.load(split, domain, labels, **_given(root=root))
    else:
        kind = {} if labels == "truth" else {"labels": labels}
        faces = pack_faces(_decoded(name, root, size, kind | options), split, domain)
    return faces if size is None else faces.resize(size)


def _taken_apart(name, split, domain):
    """Return name, split and domain of `NAME/DOMAIN:SPLIT`, where NAME is one of the catalogue's, or a file."""
    plain = catalogue.plain
    try:
        spec = parse_spec(name)
    except InputError:
        return name, split, domain
    if not _names_file(spec.name) and plain(spec.name) not in map(plain, (EMBEDDED, *catalogue.names())):
        return name, split, domain
    if spec.split and split not in ("train", spec.split):              # train may be nobody's word: it is the default
        raise InputError(f"{name} says the split {spec.split}, the argument says split={split!r}; give one of them")
    if spec.domain and domain not in (None, spec.domain):
        raise InputError(f"{name} says the domain {spec.domain}, the argument says domain={domain!r}; give one of them")
    return spec.name, spec.split or split, spec.domain or domain


def is_embedded(name) -> bool:
    """Return whether a name, however it is spelt, is that of the faces that come with the course."""
    return catalogue.plain(os.fspath(name)) == EMBEDDED


class Spec(NamedTuple):
    """What `NAME[/DOMAIN][:SPLIT]` says; None for what it leaves out."""

    name: str
    domain: str | None = None
    split: str | None = None


def parse_spec(text: str) -> Spec:
    """Take `NAME[/DOMAIN][:SPLIT]` apart; NAME may be the path of a pack.

    >>> parse_spec("synthfaces/wild:train")
    Spec(name='synthfaces', domain='wild', split='train')
    >>> parse_spec("packs/rafdb.safetensors:test")
    Spec(name='packs/rafdb.safetensors', domain=None, split='test')

    Raises:
        InputError: an empty part.
    """
    text = os.path.expanduser(text)                                   # noqa: PTH111 (no error without a home)
    name, domain, split = text, None, None
    head, colon, tail = text.rpartition(":")
    if colon and not set(tail) & set("/\\") and not Path(text).is_file():     # C:\faces is a path
        name, split = head, tail
    head, slash, tail = name.rpartition("/")
    if slash and not _names_file(name) and ("/" not in head or _names_file(head)):
        name, domain = head, tail
    if "" in (name, domain, split):
        raise InputError(f"{text!r} names no set of faces; expected NAME[/DOMAIN][:SPLIT], such as "
                         "synthfaces/wild:train or fer2013:PublicTest")
    return Spec(name, domain, split)


# ---------------------------------------------------------------------- from columns to faces


def pack_faces(pack: Pack, split: str | None = "train", domain: str | None = None) -> FaceSet:
    """Return the faces of a split and domain; a split is a view of the pack's memory map."""
    listing = pack.listing
    rows = _rows(listing, split or "all", domain)
    images = torch.from_numpy(pack.images)[rows]
    name = f"{listing.name}{f'/{domain}' if domain else ''}{f':{split}' if split else ''}"
    return replace(listing_to_faces(listing.take(rows), images, name), split=listing.part(split))


def listing_to_faces(listing: Listing, images, name: str | None = None) -> FaceSet:
    """Return the FaceSet of decoded images uint8 [N, 3, S, S] and the listing's columns.

    `group` becomes an attribute; boxes stay behind. Rejects and notes become notes.
    """
    def tensor(column, dtype=None):
        return None if column is None else torch.from_numpy(np.array(column, dtype))

    names = {"identity": listing.identity_names, "domain": listing.domain_names, **listing.names}
    attributes = listing.attributes | _given(group=listing.group)
    return FaceSet(
        images=torch.as_tensor(images), classes=listing.classes, name=name or listing.name,
        labels=tensor(listing.labels, np.int64), ids=tensor(listing.ids, np.int64),
        votes=tensor(listing.votes, np.float32), landmarks=tensor(listing.landmarks, np.float32),
        valence_arousal=tensor(listing.valence_arousal, np.float32),
        identity=tensor(listing.identity, np.int64), domain=tensor(listing.domain, np.int64),
        attributes={word: tensor(column) for word, column in attributes.items()},
        files=() if listing.files is None else tuple(map(str, listing.files)),
        names={word: tuple(words) for word, words in names.items() if len(words)},
        notes=(*listing.notes, *_reject_notes(listing.rejects)))


def _rows(listing, split, domain):
    """Return the rows of a split and domain, as a slice where they lie together."""
    rows = listing.rows(split)
    if domain is not None:
        if domain not in listing.domain_names:
            known = ", ".join(listing.domain_names) or "none"
            raise InputError(f"{listing.name} has no domain {domain!r}; its domains are: {known}")
        rows = rows[listing.domain[rows] == listing.domain_names.index(domain)]
    if not len(rows):
        raise InputError(f"{listing.name} in {listing.root} has no faces in split {split!r}"
                         + (f", domain {domain!r}" if domain else ""))
    together = rows[-1] - rows[0] + 1 == len(rows)
    return slice(int(rows[0]), int(rows[-1]) + 1) if together else rows


def _reject_notes(rejects):
    if rejects:
        yield f"{len(rejects):,} samples were left out, the first: {rejects[0]}"


def _given(**options):
    return {name: value for name, value in options.items() if value is not None}


# ---------------------------------------------------------------------- from a name to columns


def _names_file(text):
    return text.endswith((".safetensors", ".parquet")) or Path(text).is_file()


def _names_pack(path):
    """Return whether a name or root is meant as a pack: it is one, or is named like one."""
    text = os.fspath(path)
    return is_pack(text) or text.endswith(".safetensors")


def _from_pack(name, path, split, domain, options):
    pack = open_pack(path, name=None if _names_pack(name) else name)
    if fixed := [option for option, value in options.items() if (option, value) != ("labels", "truth")]:
        raise InputError(f"{path}: {', '.join(fixed)} cannot be chosen for a pack; pack {pack.listing.name} "
                         "again with other options")
    return pack_faces(pack, split, domain)


def _decoded(name, root, size, options):
    """Return a set of loose files as a pack from the cache, decoded now if it is not there yet."""
    info, place = catalogue.get(name), catalogue.find(name, root)
    listed = catalogue.read(name, root, **options) if info.any_root else None      # it alone says where its images are

    def read():
        listing = catalogue.read(name, root, **options) if listed is None else listed
        own = DEFAULT_SIZE if listing.pixels is None else listing.pixels.shape[1]
        return listing, Crop(size or own)

    code = _code(info.reader)
    if code is None:                                     # it may change, and nobody would know
        warnings.warn(f"{info.name}: its reader stands in no file, so each load decodes all pictures anew; put it into "
                      "a .py file", stacklevel=3)
        pack = memory_pack(*read())
    else:
        pack = _cached(f"{info.name}-{size or 'own'}-{fingerprint(place, options, listed, code)}", read)
    pack = replace(pack, listing=replace(pack.listing, root=str(place)))     # not the cache's file, for errors name it
    for note in _reject_notes(pack.listing.rejects):
        warnings.warn(f"{info.name}: {note}", stacklevel=3)
    return pack


def _cached(key, read):
    """Return the cached pack of `key`, made from `read()` if need be; one in memory where the cache cannot hold it."""
    def write(path):
        listing, crop = read()
        stream_pack(listing, path, crop)

    why = None
    try:
        if (pack := cached(key, write, ".safetensors", open_pack, InputError)) is not None:
            return pack
    except OSError as error:                             # a full disk
        why = error
    listing, crop = read()
    warn_of_memory(listing.name, len(listing) * 3 * crop.size**2, why)
    return memory_pack(listing, crop)


def _code(reader):
    """Return the files of code that a reader's set depends on, its own last; None if that is in no file."""
    try:
        own = Path(inspect.getsourcefile(inspect.unwrap(reader)) or "")
    except TypeError:                                    # an object of another kind
        return None
    return [*(Path(__file__).parent / f"{name}.py" for name in DECODING), own] if own.is_file() else None


def fingerprint(place: Path, options: dict, listing: Listing | None = None, code=()) -> str:
    """Return a digest of what decoding depends on: every file's name, size and time, the options, files of code.

    Options that name a file (an annotation file elsewhere) count with that file's size and time. A listing says which
    images count, wherever they are; without one all files below the place do.
    """
    place = Path(place)
    files = place.glob("*.csv") if place.is_dir() else [place, *place.parent.glob("*.csv")]
    if listing is not None and listing.files is not None:
        files = [*files, *(Path(listing.root, file) for file in listing.files)]
    elif place.is_dir():
        files = _below(place)
    files = tqdm(files, desc=f"looking through {place.name}", unit=" files", delay=2, leave=False)
    named = [Path(value) for value in options.values() if isinstance(value, str | os.PathLike)]
    digest = hashlib.sha256(repr((str(place.absolute()), sorted(options.items(), key=str))).encode())
    for file in (path for path in [*sorted(files), *named] if os.path.exists(path)):   # noqa: PTH110 (texts of any length)
        facts = file.stat()
        digest.update(f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode(errors="surrogateescape"))
    for file in code:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:24]


def _below(top):
    """Yield every file below a folder; linked folders are followed, each real folder once."""
    seen = set()
    for place, folders, files in os.walk(top, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()                                   # which of two names a folder goes by is no matter of chance
        yield from (Path(place, file) for file in files)
