"""`fercourse study`: the experiments behind every published table."""

from pathlib import Path

import typer

from .. import studies


def known() -> str:
    """Return the names of all studies, those of a --use file among them, for the help."""
    *most, last = studies.names()
    return f"{', '.join(most)} or {last}."


def study(
    name: str = typer.Argument(help=known()),
    data: str = typer.Option(None, help="Set of faces; default: the study's own."),
    scale: str = typer.Option("cpu", help="smoke (seconds), cpu (two cores) or full (a GPU)."),
    seeds: int = typer.Option(3, min=1, help="Number of repetitions."),
    first_seed: int = typer.Option(0, help="The first seed; other machines may run others."),
    root: Path = typer.Option(None, help="Where a real set is; default: its usual place."),
    out: Path = typer.Option(Path("results"), help="Folder of the results file NAME-DATA-SCALE.json."),
    arms: list[str] = typer.Option(
        None, help="Only the arm of this name, or all that contain it; may be repeated; default: all."),
):
    """Run a study, or what is left of it, and write its results file."""
    record = studies.run(name, data, scale, seeds, root, out, arms or (), first_seed)
    if record.found:
        typer.echo(_no_news(record))
    if record.changed:
        runs, them = ("1 run was", "it") if record.changed == 1 else (f"{record.changed} runs were", "them")
        typer.echo(f"{runs} made with another {record.source.rpartition(' ')[0]}; remove {them} from {record.path}, or "
                   f"use another --out, to run {them} anew")
    for arm, metrics in record.summary().items():
        for metric, over_seeds in metrics.items():
            spread = "" if over_seeds["sd"] is None else f" ± {over_seeds['sd']:.4f}"
            typer.echo(f"{arm:24} {metric:24} {over_seeds['mean']:.4f}{spread} (n = {over_seeds['n']})")
    typer.echo(str(record.path))


def _no_news(record):
    """Return which of the numbers that follow are no news."""
    if record.measured:
        return f"{record.found} of {record.found + record.measured} runs were there already"
    every = "the run was" if record.found == 1 else f"all {record.found} runs were"
    return f"{every} there already; nothing was run; --out elsewhere measures again"
