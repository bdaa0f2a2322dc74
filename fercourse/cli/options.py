"""Options that several commands have, in the same words."""

from pathlib import Path
from typing import Annotated

import typer

PICTURES = (".png", ".svg", ".pdf", ".webp", ".jpg")           # what --out may be drawn into

Root = Annotated[Path | None, typer.Option(
    help="Where a real set is: its folder, its archive, or a pack of it; default: its usual place. The embedded "
         "synthfaces take it only where it is a .parquet file of them, or a folder with one.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Side = Annotated[str | None, typer.Option("--as", metavar="source|target", help=(
    "With whose batch norm statistics a run that knows two domains sees faces; default: source for faces of the set "
    "that taught it, else target."))]
