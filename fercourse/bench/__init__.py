"""Benchmarks: the library against what people would otherwise use, turn by turn in one process.

A benchmark is a function that prepares two ways to do the same work and yields them as a `Duel`; `run` warms
both up, lets them take turns, and returns medians, spreads and their ratio; those that the course publishes are in
`results/bench-SCALE.json`. To add one, decorate a function with `@benchmark(…)` in a file beside `training.py` and
list both in `_MODULES`.
What has no peer, such as growth with the number of faces, is a function with `@survey(…)` that returns its findings.
"""

import json
import statistics
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path

from ..errors import InputError, with_extra
from ..files import write_json, writing
from ..provenance import commit, hardware, versions
from .machine import busy, processor_load

_MODULES = {                                                 # and their benchmarks, told without importing torch
    "training": ("input", "steps"),
    "end_to_end": tuple(f"end-to-end-{size}{way}" for size in (48, 64, 112) for way in ("", "-2-views", "-bf16")),
    "augmenting": ("augment-weak", "augment-strong"),
    "contrast": tuple(f"{rule}-{rows}" for rule in ("simclr", "supcon") for rows in (1024, 4096)),
    "search": tuple(f"search-{width}-{peer}" for width in (512, 136) for peer in ("faiss", "scikit-learn")),
    "starting": ("import", "first-picture"), "steps_of_timm": ("timm-none", "timm-weak"), "growth": ("growth",),
}
_BENCHMARKS: dict[str, "Benchmark | Survey"] = {}


@dataclass(frozen=True)
class Scale:
    """How much a benchmark does.

    Attributes:
        size: pixels on a side; backbone: see `models.backbone`; faces: of one turn.
        repetitions: turns of each side after the warm-up.
    """

    name: str
    device: str
    size: int
    backbone: str
    faces: int
    batch_size: int
    repetitions: int


SCALES = {
    "smoke": Scale("smoke", "cpu", 48, "lesson", faces=64, batch_size=32, repetitions=2),
    "cpu": Scale("cpu", "cpu", 64, "lesson", faces=2048, batch_size=64, repetitions=9),
    "gpu": Scale("gpu", "cuda", 112, "resnet18", faces=4352, batch_size=256, repetitions=9),
}


@dataclass(frozen=True)
class Duel:
    """Two ways to do the same work.

    Attributes:
        ours, peer: do it once.
        amount: of the benchmark's unit in one turn.
        facts: what a reader should know, such as the number of worker processes.
    """

    ours: Callable[[], object]
    peer: Callable[[], object]
    amount: float
    facts: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """A named comparison; `prepare(scale)` is a context that gives the duel, ratio `aim` or more is wanted."""

    name: str
    unit: str
    aim: dict[str, float]
    what: str
    prepare: Callable


@dataclass(frozen=True)
class Survey:
    """A measurement without a peer; `find(scale)` returns the findings."""

    name: str
    what: str
    find: Callable[[Scale], dict]


def benchmark(name: str, unit: str, what: str | None = None, **aim: float):
    """Register a benchmark.

    Args:
        what: what is compared; default: the first line of the docstring.
        aim: the ratio wanted at a scale.
    """
    def keep(prepare):
        said = what or prepare.__doc__.strip().splitlines()[0]
        _BENCHMARKS[name] = Benchmark(name, unit, aim, said, contextmanager(prepare))
        return prepare
    return keep


def survey(name: str):
    """Register a measurement without a peer; the docstring's first line says what it is."""
    def keep(find):
        _BENCHMARKS[name] = Survey(name, find.__doc__.strip().splitlines()[0], find)
        return find
    return keep


class PeerMissing(InputError):
    """What a benchmark compares with is not installed."""

    def __init__(self, peer: str):
        super().__init__(f"this benchmark needs {peer}; {with_extra('bench')}")


def needed(module: str):
    """Import what a benchmark compares with.

    Raises:
        PeerMissing: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise PeerMissing(module.split(".")[0]) from error


def told() -> tuple[str, ...]:
    """Return the names of all benchmarks, without importing what they measure."""
    return tuple(name for names_here in _MODULES.values() for name in names_here)


def names() -> tuple[str, ...]:
    """Import all benchmarks and return their names."""
    for module in _MODULES:
        import_module(f"{__name__}.{module}")
    return tuple(sorted(_BENCHMARKS))


def pick_scale(name: str = "auto") -> Scale:
    """Return a scale by name; `auto` is `gpu` where CUDA is, else `cpu`."""
    from ..device import pick_device

    if name == "auto":
        name = "gpu" if pick_device().type == "cuda" else "cpu"
    if name not in SCALES:
        raise InputError(f"scale {name!r} is unknown; expected auto, {', '.join(SCALES)}")
    pick_device(SCALES[name].device)
    return SCALES[name]


def run(chosen=(), scale: str = "auto", out=None) -> dict:
    """Run benchmarks, write each result at once, and return name -> result.

    Args:
        chosen: their names; default: all, but for those whose peer is not installed, of which a warning tells.
        scale: see `pick_scale`.
        out: folder of `bench-SCALE.json`, where results of other benchmarks stay; None writes nothing.
    """
    known, settings = names(), pick_scale(scale)
    if unknown := [name for name in chosen if name not in known]:
        raise InputError(f"benchmark {unknown[0]!r} is unknown; expected one of {', '.join(known)}")
    if out is not None:
        with writing(out):                              # told before minutes of work
            Path(out).mkdir(parents=True, exist_ok=True)
    results, load = {}, processor_load()                # the load before our own work adds to it
    for name in chosen or known:
        one = _BENCHMARKS[name]
        try:
            result = observe(one, settings) if isinstance(one, Survey) else measure(one, settings)
        except PeerMissing as error:
            if chosen:
                raise
            warnings.warn(f"{name} is left out: {error}", stacklevel=2)
            continue
        results[name] = result | {"load_before": load, "busy": busy(load)}
        if out is not None:
            save(Path(out) / f"bench-{settings.name}.json", name, results[name])
    return results


def measure(bench: Benchmark, scale: Scale) -> dict:
    """Warm both sides up, let them take turns, and return medians, spreads and the ratio of medians."""
    from tqdm.auto import tqdm

    with bench.prepare(scale) as duel:
        sides, seconds = {"ours": duel.ours, "peer": duel.peer}, {"ours": [], "peer": []}
        for work in sides.values():
            turn_seconds(work)
        for turn in tqdm(range(scale.repetitions), bench.name, unit="turn", delay=2):
            for side in ("ours", "peer") if turn % 2 == 0 else ("peer", "ours"):      # neither is always second
                seconds[side].append(turn_seconds(sides[side]))
    rates = {side: [duel.amount / s for s in times] for side, times in seconds.items()}
    ratio = statistics.median(rates["ours"]) / statistics.median(rates["peer"])
    pairs = [ours / peer for ours, peer in zip(rates["ours"], rates["peer"])]
    return {"what": bench.what, "unit": bench.unit, **{side: spread(values) for side, values in rates.items()},
            "ratio": round(ratio, 4), "ratio_of_turns": spread(pairs), "aim": bench.aim.get(scale.name),
            "facts": duel.facts, **_made(scale)}


def observe(one: Survey, scale: Scale) -> dict:
    """Return the findings of a survey."""
    return {"what": one.what, **one.find(scale), **_made(scale)}


def _made(scale):
    return {"config": asdict(scale), "hardware": hardware(scale.device), "versions": versions(), "commit": commit()}


def turn_seconds(work):
    """Return how long one turn takes, until the device has finished too."""
    import torch

    wait = torch.cuda.synchronize if torch.cuda.is_available() else (lambda: None)
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def spread(values) -> dict:
    """Return the median, the quartiles and the number of values."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": round(median, 4), "quartiles": [round(low, 4), round(high, 4)], "n": len(values)}


def save(path: Path, name: str, result: dict):
    """Put one result into a file of results, which is there in full or not at all.

    What was measured at rest stays, with a warning, where the machine was busy now.
    """
    try:
        content = json.loads(path.read_text()) if path.is_file() else {}
        if result["busy"] and content.get(name, {}).get("busy") is False:
            warnings.warn(f"{path} keeps its result of {name}, which was measured at rest", stacklevel=2)
            return
        content = content | {name: result}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a file of benchmarks ({error}); move it away") from error
    write_json(path, content)
