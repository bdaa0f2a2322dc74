"""Studies: the experiments behind every published number.

A study is a function that names its arms; `run` trains every arm with every seed, writes each finished run at
once into `results/NAME-DATA-SCALE.json`, and goes on there where it was stopped. To add one, decorate a function
with `@study("name")` in a file of your own and run `fercourse --use FILE study name`, as docs/recipes.md shows; one of
the course's stands in a file beside `faces.py`, and both names in `_MODULES`.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path

from ..errors import InputError
from ..files import sha256
from .record import Record

_MODULES = {                                                 # and their studies, told without importing torch
    "faces": ("faces",), "transfer": ("transfer",), "renderer": ("renderer",), "pretraining": ("pretraining",),
    "photographs": ("photographs", "photographs-tuning"), "supervised": ("supervised",), "noise": ("noise",),
    "robust": ("robust", "robust-tuning"),
    "annotators": ("annotators",), "wscfer": ("wscfer", "wscfer-tuning"), "identity": ("identity",),
    "domains": ("domains", "domains-tuning"), "selfsup": ("selfsup", "selfsup-tuning"), "comparison": ("comparison",),
}
REGISTRY: dict[str, "Study"] = {}


@dataclass(frozen=True)
class Scale:
    """How much a study spends; lessons and tables always name it.

    Attributes:
        size: pixels on a side; limit: most training faces (None: all of them).
        epochs, batch_size, lr: of every training.
        backbone: see `models.backbone`.
    """

    name: str
    size: int
    epochs: int
    limit: int | None = None
    batch_size: int = 64
    lr: float = 2e-3
    backbone: str = "lesson"

    def limited(self, faces, seed: int):
        """Return as many of the faces as the limit allows, drawn by the seed; without a limit all, as they stand."""
        return faces if self.limit is None else faces.sample(self.limit, seed)

    def drawn(self, faces, seed: int):
        """Return the same faces as `limited`, always in an order drawn by the seed."""
        return faces.sample(len(faces) if self.limit is None else self.limit, seed)

    def as_many_steps(self, faces: int, than: int) -> "Scale":
        """Return the scale whose training on so many faces has as many steps as this one's on `than` of them.

        The epochs are epochs * than / faces, rounded; so the steps are as many up to half an epoch.
        """
        return replace(self, epochs=max(1, round(self.epochs * than / faces)))


SCALES = {
    "smoke": Scale("smoke", size=48, epochs=1, limit=256),
    "cpu": Scale("cpu", size=48, epochs=40),
    "full": Scale("full", size=64, epochs=60, batch_size=128, backbone="resnet18"),
}


@dataclass(frozen=True)
class Place:
    """Where an arm runs: at a scale, on a set of faces and under the folder of real sets; `tested` names the split."""

    scale: Scale
    data: str
    root: str | Path | None
    tested: str = "test"


@dataclass(frozen=True)
class Study:
    """A named experiment: `arms(scale, data, root)` gives a function of the seed for each arm.

    Attributes:
        changes: what differs from `SCALES` here, by the scale's name; `on`: what differs further, by the set's name.
        source: name and digest of the file that the arms are written in; None for the course's, which a commit tells.
    """

    name: str
    data: str
    arms: Callable[..., dict[str, Callable[[int], dict]]]
    changes: dict[str, dict]
    on: dict[str, dict[str, dict]] = field(default_factory=dict)
    source: str | None = None

    def scale(self, name: str, data: str | None = None) -> Scale:
        """Return what a scale spends on a set of faces; default: on the study's own.

        Raises:
            InputError: there is no such scale.
        """
        if name not in SCALES:
            raise InputError(f"scale {name!r} is unknown; expected one of {', '.join(SCALES)}")
        further = self.on.get(set_of(data or self.data), {}) if self.on else {}
        return replace(SCALES[name], **self.changes.get(name, {}) | further.get(name, {}))


def study(name: str, data: str = "synthfaces", on: dict | None = None, **changes: dict):
    """Register a study; `changes` are fields of a scale that differ here, such as `cpu=dict(epochs=15)`.

    `on` are such changes for sets that ask for more, or less: `on={"fer2013": dict(cpu=dict(limit=5000))}`.
    """
    def keep(arms):
        REGISTRY[name] = Study(name, data, arms, changes, on or {}, _source(arms))
        return arms

    return keep


def _source(arms):
    """Return `NAME DIGEST` of the file of somebody's own arms; None where there is none, as in a notebook."""
    code = getattr(arms, "__code__", None)
    file = Path(code.co_filename if code else "")
    if not file.is_file() or Path(__file__).parent in file.resolve().parents:
        return None
    return f"{file.name} {sha256(file)[:12]}"


def names() -> list[str]:
    """Return the names of all studies."""
    return list(dict.fromkeys([*(name for names_here in _MODULES.values() for name in names_here), *REGISTRY]))


def get(name: str) -> Study:
    """Return a study by name.

    Raises:
        InputError: there is no such study.
    """
    if name not in names():
        raise InputError(f"study {name!r} is unknown; expected one of {', '.join(sorted(names()))}")
    for module, names_here in _MODULES.items():
        if name in names_here:
            import_module(f"{__name__}.{module}")
    return REGISTRY[name]


def run(name: str, data: str | None = None, scale: str = "cpu", seeds: int = 3, root=None, out="results",
        only=(), first: int = 0) -> Record:
    """Run a study, or what is left of it; returns the record with the path it was written to.

    Args:
        data: the set of faces (default: the study's own); `root`: where it is, for real sets.
        scale: `smoke` (seconds, for tests), `cpu` (two cores) or `full` (a GPU).
        seeds: number of repetitions, seeds `first`, `first` + 1, ….
        only: run just the arms with one of these names; a text that is no arm's name stands for all arms that contain
            it; default: all.

    Raises:
        InputError: there is no such study, scale or arm, `data` names a split, the file holds another configuration,
            or its place cannot be written.
    """
    chosen = get(name)
    data = spelt(data or chosen.data)
    spends = chosen.scale(scale, data)
    record = Record.open(out, name, data, spends)
    arms = chosen.arms(spends, data, root)
    record.arms, record.source = tuple(arms), chosen.source
    wanted = {arm: measure for arm, measure in arms.items()
              if not only or any(text == arm or (text not in arms and text in arm) for text in only)}
    if not wanted:
        raise InputError(f"study {name} has no arm with {' or '.join(only)} in its name; expected part of one of "
                         f"{', '.join(arms)}")
    for seed in range(first, first + seeds):
        for arm, measure in wanted.items():
            record.measure(arm, seed, measure)
    return record


def spelt(data: str) -> str:
    """Return a study's set as the catalogue spells it; what it does not know, such as a pack, as it stands.

    Raises:
        InputError: it names a split.
    """
    from ..faces.load import parse_spec
    spec = parse_spec(data)
    if spec.split:
        raise InputError(f"{data} names the split {spec.split}, but a study trains and tests on splits of its own; "
                         f"expected {data.removesuffix(f':{spec.split}')}")
    return _joined(_catalogued(spec.name), spec.domain) if _catalogued(spec.name) else data


def set_of(data: str) -> str:
    """Return NAME or NAME/DOMAIN of a study's set, by which its regime goes; a pack has the name of the set in it."""
    from ..faces.load import EMBEDDED, parse_spec
    from ..faces.unpack import is_pack, open_pack
    spec = parse_spec(data)
    name = _catalogued(spec.name) or (EMBEDDED if spec.name.endswith(".parquet") else spec.name)
    return _joined(open_pack(spec.name).listing.name if is_pack(spec.name) else name, spec.domain)


def _catalogued(name):
    from ..faces.catalogue import names, plain
    return {plain(known): known for known in names()}.get(plain(name))


def _joined(name, domain):
    return f"{name}/{domain}" if domain else name


PAIRS = {                                                    # sets that `domains` goes from and to, by its data's name
    "lab-wild": ("synthfaces/lab", "synthfaces/wild"), "wild-lab": ("synthfaces/wild", "synthfaces/lab"),
    "synthfaces-fer2013": ("synthfaces", "fer2013"), "fer2013-synthfaces": ("fer2013", "synthfaces"),
}
PUBLIC_TESTS = {"fer2013": "PublicTest"}                     # its private test is read once, at the end of everything


def loader(data: str, root=None, **how):
    """Return a function of a split's name that loads it of a study's set; `test` is the public one."""
    from ..faces.load import load_faces, parse_spec
    spec, name = parse_spec(data), set_of(data)

    def load(split):
        split = PUBLIC_TESTS.get(name, split) if split == "test" else split
        return load_faces(spec.name, split, root, spec.domain, **how)
    return load


def train_classifier(faces, scale: Scale, seed: int, method: str = "baseline", target=None, views=None, watch=None,
                     target_views=None, out=None, precision="auto", **hyper):
    """Train a method at a scale on a set of faces, all of them, and return it, in evaluation mode.

    A study that is to have a limit gives what `Scale.limited` or `Scale.drawn` leaves.
    `views` and `target_views` replace the method's augmentation presets, one a view. For `watch`, `precision` and `out`
    see `fit`; what was stopped goes on from `out`.
    """
    import torch

    from ..methods import create
    from ..train import fit

    faces = faces.resize(scale.size)
    torch.manual_seed(seed)                                  # the first weights
    learner = create(method, faces, backbone=scale.backbone, **hyper)
    learner.views, learner.target_views = views or learner.views, target_views or learner.target_views
    fit(learner, faces, target=target, epochs=scale.epochs, batch_size=min(scale.batch_size, len(faces)), lr=scale.lr,
        seed=seed, watch=watch, out=out, resume=out is not None, precision=precision)
    return learner


def backbone_file(backbone) -> str:
    """Write the weights of a backbone to a file of its own and return its path, for `weights=`.

    The file is removed when this process ends.
    """
    import torch

    path = Path(tempfile.mkdtemp(dir=_scratch().name)) / "backbone.pt"
    torch.save(backbone.trunk.state_dict(), path)
    return str(path)


@cache
def _scratch():
    """Return the folder of what only this process needs."""
    return tempfile.TemporaryDirectory(prefix="fercourse-")
