"""One file of the runs of a study from several folders: `python -m fercourse.studies.merge INTO FROM …`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from .. import studies
from ..errors import InputError
from ..program import run
from .record import FACTS, Record

SAME = ("study", "data", "config", "hardware")


def merge(into, *others) -> int:
    """Add the runs of other results files to one, and return how many were new to it.

    Runs made with other versions of libraries than those of `into` say so.

    Raises:
        InputError: a file that is no results file, or one of another study, data, configuration or hardware.
    """
    ours = _read(into)
    record = Record(Path(into), ours["study"], ours["data"], ours["config"], ours["runs"])
    record.arms = _arms(ours)
    before = len(record.runs)
    for other in others:
        theirs = _read(other)
        if odd := [name for name in SAME if _plain(theirs[name]) != _plain(ours[name])]:
            raise InputError(f"{other}: its {odd[0]} is {theirs[odd[0]]}, that of {into} is {ours[odd[0]]}; "
                             "only runs of the same study on the same hardware belong in one file")
        known = {(run["arm"], run["seed"]) for run in record.runs}
        record.runs += [{name: theirs[name] for name in FACTS} | run for run in theirs["runs"]
                        if (run["arm"], run["seed"]) not in known]
    record.save(ours["hardware"])
    return len(record.runs) - before


def _plain(fact):
    """Return a fact without the number of threads, which older files do not tell; each run keeps its own."""
    return {name: value for name, value in fact.items() if name != "threads"} if isinstance(fact, dict) else fact


def _arms(ours):
    """Return the arms in the study's order; in the file's, where the study is one of somebody's own."""
    if ours["study"] not in studies.names():
        return tuple(dict.fromkeys(run["arm"] for run in ours["runs"]))
    study = studies.get(ours["study"])
    return tuple(study.arms(study.scale(ours["config"]["name"], ours["data"]), ours["data"], None))


def _read(path):
    try:
        content = json.loads(Path(path).read_text())
        return {name: content[name] for name in (*SAME, *FACTS, "runs")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a results file ({type(error).__name__}: {error}); "
                         "expected one that fercourse study wrote") from error


def main(into: Annotated[Path, typer.Argument(help="Results file that the runs are put into.")],
         others: Annotated[list[Path], typer.Argument(metavar="FROM...", help="Results files whose runs it takes.")]):
    """Put the runs of a study from several files into one."""
    print(merge(into, *others), "runs added")


if __name__ == "__main__":
    run(main)
