"""What a study leaves behind: every run, the mean and spread of each arm, and what they were made with."""

import json
import math
import statistics
import time
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path

from ..errors import InputError
from ..files import try_place, write_json
from ..lock import alone
from ..provenance import commit, hardware, versions

FACTS = ("hardware", "versions")            # of a file; a run that was made otherwise tells its own


@dataclass
class Record:
    """The results of one study at one scale; `path` is rewritten after every run.

    Several processes, also of several machines, may add runs to one file.

    Attributes:
        runs: one entry a finished run: arm, seed, metrics, seconds, commit; hardware and versions where they are not
            the file's; source where the study is one of somebody's own.
        source: name and digest of that study's file.
        code: the commit when the study was opened: what runs is what was loaded then.
        arms: the order in which the file tells of them, whatever was run first; others follow.
        facts: the file's hardware and versions.
        found, measured: how many of the runs asked for were there already, and how many were not; `changed`: how many
            of those found were made with another source.
    """

    path: Path
    study: str
    data: str
    config: dict
    runs: list[dict] = field(default_factory=list)
    code: str | None = field(default_factory=lambda: commit())
    arms: tuple[str, ...] = ()
    facts: dict = field(default_factory=dict)
    source: str | None = None
    found: int = 0
    measured: int = 0
    changed: int = 0

    @classmethod
    def open(cls, folder, study: str, data: str, scale) -> "Record":
        """Return the record of a study, with the runs that are there already.

        Raises:
            InputError: the file holds runs of another configuration.
        """
        plain = data.replace("/", "-").replace(":", "-")
        path, config = Path(folder) / f"{study}-{plain}-{scale.name}.json", asdict(scale)
        record = cls(path, study, data, config)
        there = record._there()
        record.runs, record.facts = there.get("runs", []), {name: there[name] for name in FACTS if name in there}
        return record

    def measure(self, arm: str, seed: int, measure):
        """Run one arm with one seed and write it down, unless it is there already.

        Raises:
            Unwritable: the file cannot be written, which is tried before the run.
        """
        if there := [run for run in self.runs if run["arm"] == arm and run["seed"] == seed]:
            self.found += 1
            self.changed += bool(self.source) and there[0].get("source", self.source) != self.source
            return
        try_place(self.path)
        start = time.perf_counter()
        metrics = measure(seed)
        self.runs.append({"arm": arm, "seed": seed, "metrics": metrics,
                          "seconds": round(time.perf_counter() - start, 1), "commit": self.code,
                          "hardware": hardware(), "versions": versions(),
                          **({"source": self.source} if self.source else {})})
        self.save()
        self.measured += 1

    def summary(self) -> dict:
        """Return arm -> metric -> mean, sd (of the sample) and n over seeds; only numbers that are finite count."""
        arms: dict = {}
        for run in self.runs:
            for name, value in run["metrics"].items():
                if _counts(value):
                    arms.setdefault(run["arm"], {}).setdefault(name, []).append(value)
        return {arm: {name: _spread(values) for name, values in metrics.items()} for arm, metrics in arms.items()}

    def save(self, made_on: dict | None = None):
        """Write the file with the runs of others that came into it meanwhile; it is there in full or not at all.

        Args:
            made_on: the hardware of a new file's runs where it was not this one.

        Raises:
            InputError: the file became one of another configuration meanwhile.
        """
        with alone(self.path):
            self._join(self._there(), {"hardware": made_on or hardware(), "versions": versions()})
            content = {"study": self.study, "data": self.data, "config": self.config, "summary": self.summary(),
                       "runs": self.runs, **self.facts}
            write_json(self.path, _finite(content), allow_nan=False)

    def _join(self, there, here):
        """Add our runs to those of the file, each with the facts in which it differs from the file's."""
        known = {(run["arm"], run["seed"]) for run in there.get("runs", ())}
        ours = [run | (self.facts | run) for run in self.runs if (run["arm"], run["seed"]) not in known]
        self.facts = {name: there.get(name) or self.facts.get(name) or here[name] for name in FACTS}
        ours = [{name: value for name, value in run.items() if name not in FACTS or value != self.facts[name]}
                for run in ours]
        places = {arm: place for place, arm in enumerate(self.arms)}
        self.runs = sorted([*there.get("runs", ()), *ours], key=lambda run: places.get(run["arm"], len(places)))

    def _there(self):
        """Return what the file holds: nothing where there is none."""
        if not self.path.is_file():
            return {}
        try:
            saved = json.loads(self.path.read_text())
            if saved["config"] != self.config:
                raise InputError(f"{self.path} holds runs of another configuration ({saved['config']}); "
                                 "move it away to run the study anew")
            return saved | {"runs": list(saved["runs"])}
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.path} is not a results file ({error}); move it away") from error


def made(results: dict) -> str:
    """Return the scale that a results file was made at, in words: what every table of numbers must say first."""
    config = results["config"]
    places = [results["hardware"], *(run["hardware"] for run in results.get("runs", ()) if "hardware" in run)]
    faces = "all" if config["limit"] is None else f"{config['limit']:,}"
    devices = " and ".join(dict.fromkeys(one["gpu"] or f"{one['cores']} CPU cores" for one in places))
    return f"{faces} faces, {config['epochs']} epochs, {config['size']} px, {devices}; mean ± sd over n seeds"


def told(found: dict, scale: float = 100, places: int = 1, seeds: bool = True) -> str:
    """Return `mean ± sd (n)` of a metric in a summary, times `scale`.

    One seed has no spread, and shows none; nor does what no seed changes, such as a probe of given landmarks.
    """
    if found["mean"] is None:
        return "–"
    spread = f" ± {scale * found['sd']:.{places}f}" if found["sd"] else ""
    mean = round(scale * found["mean"], places) + 0.0                           # -0.0 says no more than 0.0
    return f"{mean:.{places}f}{spread}" + (f" ({found['n']})" if seeds else "")


class Table(str):
    """A table as text, which a notebook shows as a table; its rows and columns have heads that can be read aloud.

    Attributes:
        rows: the same, as lists of texts, the heads first.
    """

    def __new__(cls, rows):
        widths = [max(map(len, column)) for column in zip(*rows)]
        text = super().__new__(cls, "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows))
        text.rows = rows
        return text

    __repr__ = str.__str__

    def __getnewargs__(self):
        return (self.rows,)

    def _repr_html_(self):
        head, *body = [[escape(cell) for cell in row] for row in self.rows]
        lines = ["".join(f'<th scope="col">{cell}</th>' for cell in head)]
        lines += [f'<th scope="row" style="text-align:left">{name}</th>' + "".join(f"<td>{cell}</td>" for cell in cells)
                  for name, *cells in body]
        return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def in_columns(arms: dict[str, dict[str, dict]], columns=None) -> Table:
    """Return a table: a row an arm, a column a metric, `mean ± sd` in per cent, the number of seeds at the end.

    Args:
        arms: {arm: {metric: what a summary tells of it}}; where an arm lacks a metric its place stays empty.
        columns: the metrics to show, or {metric: heading}; default: all.
    """
    if columns is not None:
        columns = columns if isinstance(columns, dict) else dict(zip(columns, columns))
        arms = {arm: {heading: metrics[name] for name, heading in columns.items() if name in metrics}
                for arm, metrics in arms.items()}
    names = list(dict.fromkeys(name for metrics in arms.values() for name in metrics))
    rows = [["", *names, "seeds"]]
    for arm, metrics in arms.items():
        seeds = sorted({one["n"] for one in metrics.values()})
        rows.append([arm, *(told(metrics[name], seeds=False) if name in metrics else "" for name in names),
                     " to ".join(map(str, seeds[::max(1, len(seeds) - 1)]))])
    return Table(rows)


def paired(runs: list[dict], arm: str, against: str, metric: str = "accuracy", than: str | None = None) -> dict:
    """Return mean, sd and n of a metric's difference between two arms, seed by seed: what they share drops out.

    Without a seed that both have, n is 0, and mean and sd are None.

    Args:
        runs: of a record, or of its file; seeds that one of the arms lacks do not count.
        than: the metric of `against` where it is another.
    """
    ours, theirs = ({run["seed"]: run["metrics"][name] for run in runs
                     if run["arm"] == one and _counts(run["metrics"].get(name))}
                    for one, name in ((arm, metric), (against, than or metric)))
    return _spread([ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()])


def half_width(found: dict, level: float = 0.95) -> float | None:
    """Return half the width of Student's interval of a mean over seeds; None where one seed has no spread.

    It tells what other seeds would change, and nothing of what other test faces would.
    """
    from scipy.stats import t
    if not found["sd"]:
        return None if found["sd"] is None else 0.0
    return float(t.ppf((1 + level) / 2, found["n"] - 1)) * found["sd"] / found["n"] ** 0.5


def seeds_of(results: dict, arms, metric: str = "accuracy") -> dict[str, list[float]]:
    """Return a metric's values of several arms, one a seed, for `plots.seeds`.

    Args:
        results: a results file's content.
        arms: names of arms, or arm -> what to call it; those without the metric are left out.
    """
    names = arms if isinstance(arms, dict) else {arm: arm for arm in arms}
    values_of = {name: [run["metrics"][metric] for run in results["runs"] if run["arm"] == arm
                    and _counts(run["metrics"].get(metric))] for arm, name in names.items()}
    return {name: values for name, values in values_of.items() if values}


def _counts(value):
    return isinstance(value, int | float) and math.isfinite(value)


def _finite(value):
    """Return a value with None for every number that is not finite, which JSON does not know."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [*map(_finite, value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _spread(values):
    if not values:
        return {"mean": None, "sd": None, "n": 0}
    sd = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": round(statistics.fmean(values), 5), "sd": None if sd is None else round(sd, 5), "n": len(values)}
