"""`fercourse bench`: how fast the library is against what people would otherwise use."""

import json
from pathlib import Path
from typing import Annotated

import typer

from .. import bench as benchmarks
from .options import AsJson


def known() -> str:
    """Return the names of all benchmarks, for the help."""
    *most, last = benchmarks.told()
    return f"{', '.join(most)} or {last}; default: all."


def bench(
    names: Annotated[list[str] | None, typer.Argument(help=known())] = None,
    scale: Annotated[str, typer.Option(
        help="auto, cpu, gpu (ResNet-18) or smoke (seconds). Where a name says no size: 64 px on cpu, 112 on gpu.")
        ] = "auto",
    out: Annotated[Path | None, typer.Option(
        help="Folder of the results file bench-SCALE.json, such as results, those that the course publishes; "
             "default: none is written.")] = None,
    as_json: AsJson = False,
):
    """Let the library and its peers take turns on this machine, and compare medians."""
    results = benchmarks.run(names or (), scale, out)
    typer.echo(json.dumps(results, indent=1) if as_json else "\n".join(_line(*item) for item in results.items()))


def _line(name, result):
    if "rows" in result:
        rows = [", ".join(f"{key} {value}" for key, value in row.items()) for row in result["rows"]]
        return "\n  ".join([f"{name}: {result['what']}", *rows]) + _busy(result)
    unit = result["unit"]
    sides = ", ".join(f"{side} {_spread(result[side], ',.1f')} {unit}" for side in ("ours", "peer"))
    aim = "" if result["aim"] is None else f", aim {result['aim']:.2f}"
    aim += ", missed" if aim and result["ratio"] < result["aim"] else ""
    turns = _spread(result["ratio_of_turns"], ".2f")
    return f"{name}: {result['what']}\n  {sides}\n  ratio {result['ratio']:.2f} (turns {turns}){aim}{_busy(result)}"


def _busy(result):
    if not result["busy"]:
        return ""
    return f"\n  the machine was busy (load {result['load_before']}): measure again at rest"


def _spread(times, form):
    low, high = (format(value, form) for value in times["quartiles"])
    return f"{format(times['median'], form)} [{low} to {high}]"
