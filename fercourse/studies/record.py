"""What a study leaves behind: every run, the mean and spread of each arm, and what they were made with."""

import json
import platform
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..errors import InputError
from ..files import replacing

PACKAGES = ("torch", "torchvision", "timm", "numpy", "scikit-learn", "umap-learn")


@dataclass
class Record:
    """The results of one study at one scale; `path` is rewritten after every run.

    Attributes:
        runs: one entry a finished run: arm, seed, metrics, seconds, commit.
        code: the commit when the study was opened: what runs is what was loaded then.
        arms: the order in which the file tells of them, whatever was run first; others follow.
    """

    path: Path
    study: str
    data: str
    config: dict
    runs: list[dict] = field(default_factory=list)
    code: str | None = field(default_factory=lambda: commit())
    arms: tuple[str, ...] = ()

    @classmethod
    def open(cls, folder, study: str, data: str, scale) -> "Record":
        """Return the record of a study, with the runs that are there already.

        Raises:
            InputError: the file holds runs of another configuration.
        """
        plain = data.replace("/", "-").replace(":", "-")
        path, config = Path(folder) / f"{study}-{plain}-{scale.name}.json", asdict(scale)
        record = cls(path, study, data, config)
        if path.is_file():
            try:
                saved = json.loads(path.read_text())
                if saved["config"] != config:
                    raise InputError(f"{path} holds runs of another configuration ({saved['config']}); "
                                     "move it away to run the study anew")
                record.runs = saved["runs"]
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"{path} is not a results file ({error}); move it away") from error
        return record

    def measure(self, arm: str, seed: int, measure):
        """Run one arm with one seed and write it down, unless it is there already."""
        if any(run["arm"] == arm and run["seed"] == seed for run in self.runs):
            return
        start = time.perf_counter()
        metrics = measure(seed)
        self.runs.append({"arm": arm, "seed": seed, "metrics": metrics,
                          "seconds": round(time.perf_counter() - start, 1), "commit": self.code})
        self.save()

    def summary(self) -> dict:
        """Return arm -> metric -> mean, sd (of the sample) and n over seeds."""
        arms: dict = {}
        for run in self.runs:
            for name, value in run["metrics"].items():
                if isinstance(value, int | float):
                    arms.setdefault(run["arm"], {}).setdefault(name, []).append(value)
        return {arm: {name: _spread(values) for name, values in metrics.items()} for arm, metrics in arms.items()}

    def save(self, made_on: dict | None = None):
        """Write the file; it is there in full or not at all. `made_on` is the hardware where it was not this one."""
        places = {arm: place for place, arm in enumerate(self.arms)}
        self.runs.sort(key=lambda run: places.get(run["arm"], len(places)))
        content = {"study": self.study, "data": self.data, "config": self.config, "summary": self.summary(),
                   "runs": self.runs, "hardware": made_on or hardware(), "versions": versions()}
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n")


def made(results: dict) -> str:
    """Return the scale that a results file was made at, in words: what every table of numbers must say first."""
    config, hardware = results["config"], results["hardware"]
    faces = "all" if config["limit"] is None else f"{config['limit']:,}"
    device = hardware["gpu"] or f"{hardware['cores']} CPU cores"
    return f"{faces} faces, {config['epochs']} epochs, {config['size']} px, {device}; mean ± sd over n seeds"


def told(found: dict, scale: float = 100, places: int = 1, seeds: bool = True) -> str:
    """Return `mean ± sd (n)` of a metric in a summary, times `scale`; one seed has no spread, and shows none."""
    spread = "" if found["sd"] is None else f" ± {scale * found['sd']:.{places}f}"
    mean = round(scale * found["mean"], places) + 0.0                           # -0.0 says no more than 0.0
    return f"{mean:.{places}f}{spread}" + (f" ({found['n']})" if seeds else "")


def in_columns(arms: dict[str, dict[str, dict]], columns=None) -> str:
    """Return a table as text: a row an arm, a column a metric, `mean ± sd` in per cent, the number of seeds at the end.

    Args:
        arms: {arm: {metric: what a summary tells of it}}; where an arm lacks a metric its place stays empty.
        columns: the metrics to show, or {metric: heading}; default: all.
    """
    if columns is not None:
        columns = columns if isinstance(columns, dict) else dict(zip(columns, columns))
        arms = {arm: {heading: found[name] for name, heading in columns.items() if name in found}
                for arm, found in arms.items()}
    names = list(dict.fromkeys(name for found in arms.values() for name in found))
    rows = [["", *names, "seeds"]]
    for arm, found in arms.items():
        seeds = sorted({one["n"] for one in found.values()})
        rows.append([arm, *(told(found[name], seeds=False) if name in found else "" for name in names),
                     " to ".join(map(str, seeds[::max(1, len(seeds) - 1)]))])
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def paired(runs: list[dict], arm: str, against: str, metric: str = "accuracy") -> dict:
    """Return mean, sd and n of a metric's difference between two arms, seed by seed: what they share drops out.

    Args:
        runs: of a record, or of its file; seeds that one of the arms lacks do not count.
    """
    ours, theirs = ({run["seed"]: run["metrics"][metric] for run in runs
                     if run["arm"] == name and metric in run["metrics"]} for name in (arm, against))
    return _spread([ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()])


def _spread(values):
    sd = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": round(statistics.fmean(values), 5), "sd": None if sd is None else round(sd, 5), "n": len(values)}


def hardware() -> dict:
    """Return what the numbers were made on."""
    import os

    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"processor": platform.machine(), "cores": os.cpu_count(), "gpu": gpu, "system": platform.system()}


def versions() -> dict:
    """Return the versions of Python and of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def commit() -> str | None:
    """Return the commit of this checkout, with `+` where the library differs from it; None outside git."""
    here = Path(__file__).resolve().parents[1]

    def git(*words):
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
