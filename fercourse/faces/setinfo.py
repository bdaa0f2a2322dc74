"""SetInfo: what is known about one set of faces before anything of it is opened."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .listing import Listing


def data_folder() -> Path:
    """Return where sets are looked for: `$FERCOURSE_DATA`, or `data` below the working directory."""
    return Path(os.environ.get("FERCOURSE_DATA") or "data")


@dataclass(frozen=True)
class SetInfo:
    """One set of the catalogue.

    Attributes:
        name: the word users type, such as `"rafdb"`.
        title: how papers call it.
        classes: standard words; empty where there is only valence and arousal.
        image: size and colour of its images, in words.
        terms: one sentence on what the licence or agreement asks; `unchecked` where we did not read it.
        get: where a copy comes from.
        layout: the folders and files expected, as a short text tree.
        markers: glob patterns below the set's folder; any of them proves that this is the set.
        reader: `read(root, **options) -> Listing`; None for sets that are not read from loose files.
        folders: usual names of the set's folder, tried below a parent folder.
        counts: published numbers of samples, `{"train+val": {"happiness": 4772, …}, …}`: splits as
            `Listing.rows` understands them.
        home: where the set ships with fercourse; looked at before the default place.
        any_root: the set is whatever folder or file the user names; there is no default place.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image: str
    terms: str
    get: str
    layout: str
    markers: tuple[str, ...] = ()
    reader: Callable[..., Listing] | None = None
    folders: tuple[str, ...] = ()
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    home: Path | None = None
    any_root: bool = False

    @property
    def place(self) -> Path:
        """Return the default place: where it ships, else `$FERCOURSE_DATA/<name>` or `data/<name>`."""
        if self.home is not None:
            return self.home
        return data_folder() / self.name
