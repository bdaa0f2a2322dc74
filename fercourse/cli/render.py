"""`fercourse render`: synthetic faces of any size from a seed."""

from pathlib import Path

import typer

from ..errors import InputError


def render(
    out: Path = typer.Option(..., help="File to write, ending in .parquet; a manifest (.json) is put beside it."),
    people: int = typer.Option(420, help="Number of people; each has the same face, hair and manner in all pictures."),
    per_person: int = typer.Option(24, help="Pictures of each person: five eighths wild, the rest lab."),
    size: int = typer.Option(64, help="Pixels on a side."),
    seed: int = typer.Option(0, help="The same seed gives the same faces, whatever the number of workers."),
    quality: int = typer.Option(80, help="Quality of the WebP pictures in the file, 1 to 100."),
    workers: int = typer.Option(0, help="Processes at work; 0: one for each core."),
    preview: Path = typer.Option(None, help="Also write a contact sheet (.png) of the first people."),
):
    """Render synthetic faces with every ground truth. A stopped run goes on where it was."""
    if preview is not None and preview.suffix.lower() != ".png":
        raise InputError(f"--preview {preview} is no contact sheet; expected a name ending in .png")
    from ..files import replacing
    from ..synth import Population, write_population
    from ..synth.sheet import contact_sheet

    population = Population(people, per_person, size, seed, quality)
    manifest = write_population(population, out, workers)
    typer.echo(
        f"{out}: {manifest['faces']:,} faces of {people} people, {manifest['bytes'] / 1e6:.1f} MB, "
        f"sha256 {manifest['sha256'][:16]}…"
    )
    if preview is not None:
        with replacing(preview) as part:
            contact_sheet(population).save(part, "PNG")
        typer.echo(f"{preview}: contact sheet")
