"""What a training tells: a progress bar, a JSONL file, and a history for plots."""

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from . import distributed
from .errors import InputError
from .files import append, write_text

NOT_LOSSES = ("step", "epoch", "of", "lr", "images_per_s", "start")      # what a record has beside them
EVERY = 20                        # steps between readings: each makes the host wait for the device


@dataclass
class History:
    """What was logged, in order.

    Attributes:
        steps: means over up to 20 steps: `step` (finished so far), `epoch`, `of` (steps in it), `lr`,
            `images_per_s`, and every loss part.
        starts: what `start_epoch` said: `step`, `epoch`, `start`.
    """

    steps: list[dict] = field(default_factory=list)
    starts: list[dict] = field(default_factory=list)

    def epochs(self):
        """Return a table (pandas), one row an epoch: mean losses beside what `start_epoch` said."""
        import pandas as pd
        rows = {}
        for record in self.steps:
            row = rows.setdefault(record["epoch"], {"of": 0})
            for name, value in record.items():
                if name not in ("step", "epoch", "of"):
                    row[name] = row.get(name, 0) + value * record["of"]
            row["of"] += record["of"]
        means = {e: {k: v / row["of"] for k, v in row.items() if k != "of"} for e, row in rows.items()}
        for record in self.starts:
            means.setdefault(record["epoch"], {}).update(record["start"])
        return pd.DataFrame.from_dict(means, orient="index").rename_axis("epoch")

    @property
    def last(self) -> dict:
        """Return the last record of the losses; empty where the log of a resumed run is lost."""
        return self.steps[-1] if self.steps else {}


class Log:
    """Collects losses on the device and reads them every few steps; writes only on rank 0."""

    def __init__(self, path: Path | None, epochs: int, per_epoch: int, batch_size: int, quiet=False,
                 name="the method", half=False):
        self.name, self.half, self.facts = name, half, ()
        self.path, self.per_epoch, self.batch_size = path, per_epoch, batch_size
        self.history, self.pending, self.names, self.clock = History(), [], (), None
        self.writes = distributed.rank() == 0
        self.total, self.quiet = epochs * per_epoch * batch_size, quiet or not self.writes
        self.bar = tqdm(disable=True)                                    # until `begin` shows one

    def start(self, step: int, epoch: int, facts: dict):
        """Note what `start_epoch` said, before step `step` + 1."""
        self.clock = time.perf_counter()
        facts = {} if facts is None else facts
        if not isinstance(facts, dict):
            raise InputError(f"{self.name}: start_epoch returned a {type(facts).__name__}; expected a dict of facts "
                             "for the log")
        self.facts = tuple(facts)
        if facts:
            self._record({"step": step, "epoch": epoch, "start": {k: _number(k, v) for k, v in facts.items()}})

    def step(self, done: int, losses: dict, lr: float) -> bool:
        """Note the losses of the step that makes `done` finished ones; no wait for the device.

        Returns:
            Whether they were read, which all processes and their devices wait for.
        """
        if self.names and losses.keys() != set(self.names):
            raise InputError(f"{self.name}: the losses of step {done} are {', '.join(losses)}, those before were "
                             f"{', '.join(self.names)}; expected the same names in every step")
        if taken := [name for name in self.facts if name in losses or name in NOT_LOSSES]:
            raise InputError(f"{self.name}: start_epoch says {taken[0]!r}, which the log says of every step; expected "
                             "another name")
        self.names = self.names or tuple(losses)
        self.pending.append(torch.stack([losses[name].detach().float() for name in self.names]))
        if read := done % EVERY == 0 or done % self.per_epoch == 0:
            self._read(done, lr)
        return read

    def _read(self, done, lr):
        rows = self._checked(done)
        epoch, now = (done - 1) // self.per_epoch, time.perf_counter()
        means = {name: math.fsum(column) / len(rows) for name, column in zip(self.names, zip(*rows))}
        seconds = now - (self.clock or now)
        self.pending, self.clock = [], now
        self._record({"step": done, "epoch": epoch, "of": len(rows), "lr": _number("lr", lr), **means,
                      "images_per_s": round(len(rows) * self.batch_size / seconds, 1) if seconds else 0.0})
        self.bar.update(len(rows) * self.batch_size)
        self.bar.set_postfix({"epoch": epoch + 1, **{k: f"{v:.3f}" for k, v in means.items()}}, refresh=False)

    def _checked(self, done):
        """Return pending losses as rows of numbers, means over processes; stop at the first that is none."""
        rows = self._means().tolist()
        for i, row in enumerate(rows):
            if bad := [name for name, value in zip(self.names, row) if not math.isfinite(value)]:
                parts = [name for name in bad if name != "total"] or bad
                step = done - len(rows) + i + 1
                raise InputError(f"{self.name}: the loss is not finite at step {step}: {', '.join(parts)}; "
                                 f"{self._advice(step)}")
        return rows

    def _advice(self, step):
        """Return where to look for a loss that is no number."""
        first = ("no weight has moved yet, so look for log(0), a division by 0, the mean of nothing, or NaN in a "
                 "column of needs" if step == 1 else "try a smaller learning rate")
        return first + (", or try precision fp32" if self.half else "")

    def _means(self):
        """Return pending losses, [steps, losses], each the mean over processes."""
        device = self.pending[-1].device
        return distributed.mean(torch.stack([row.to(device) for row in self.pending]))

    def check(self, done: int):
        """Stop if a pending loss is not finite: before a checkpoint is written over a good one."""
        if self.pending:
            self._checked(done)
            self.pending = list(self._means())                           # the same for all who resume

    def _record(self, record):
        (self.history.starts if "start" in record else self.history.steps).append(record)
        if self.path and self.writes:
            append(self.path, json.dumps(record) + "\n")

    def begin(self, done: int):
        """Show the bar, after the first `done` steps: take over their records, drop what a killed run wrote later."""
        kept = [r for r in _read_records(self.path)
                if r["step"] < done or (r["step"] == done and "start" not in r)]
        for record in kept:
            (self.history.starts if "start" in record else self.history.steps).append(record)
        if self.writes and self.path:
            write_text(self.path, "".join(json.dumps(r) + "\n" for r in kept))
        distributed.wait()
        silent = {"disable": True} if self.quiet else {}                 # what is left unsaid, TQDM_DISABLE decides
        self.bar = tqdm(total=self.total, initial=(done - len(self.pending)) * self.batch_size, unit=" images",
                        unit_scale=True, desc="training", **silent)
        self.clock = time.perf_counter()

    def state_dict(self) -> dict:
        """Return the losses that no record holds yet."""
        return {"names": list(self.names), "pending": [row.cpu() for row in self.pending]}

    def load_state_dict(self, state):
        """Take over the losses that no record holds yet."""
        self.pending = list(state["pending"])                            # on the CPU, unlike those to come
        self.names = tuple(state["names"]) if self.pending else ()       # those to come name themselves

    def close(self):
        """Finish the bar."""
        self.bar.close()


def _read_records(path):
    """Return the records of a log; lines that are none, such as one a killed process left unfinished, are dropped."""
    text = path.read_text(encoding="utf-8", errors="replace") if path and path.is_file() else ""
    return [record for record in map(_parsed, text.splitlines()) if _is_record(record)]


def _parsed(line):
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return None


def _is_record(value):
    """Return whether a value is what `_record` writes."""
    return (isinstance(value, dict) and isinstance(value.get("step"), int) and isinstance(value.get("epoch"), int)
            and (isinstance(value.get("start"), dict) or isinstance(value.get("of"), int)))


def _plain(name, value):
    try:
        json.dumps(value)
    except TypeError as error:
        raise InputError(f"start_epoch says {name} with a {type(value).__name__} ({error}); expected numbers, texts, "
                         "or lists of them") from None
    return value


def _number(name, value):
    """Return a number of torch or NumPy as a plain one; other plain values as they are."""
    if not isinstance(value, torch.Tensor | np.ndarray | np.generic):
        return _plain(name, value)
    if math.prod(value.shape) != 1:
        raise InputError(f"start_epoch says {name} with {math.prod(value.shape)} numbers; expected a single one")
    return value.item()
