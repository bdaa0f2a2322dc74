"""`fercourse embed`: what a trained run makes of a set of faces, as a picture or as a page to explore."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import PICTURES, Device, Side
from .sets import check_root, load, taken_as

Projection = typer.Option(help="umap keeps neighbourhoods; pca is quick and keeps the widest directions.")


def embed(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training.")],
    data: Annotated[str, typer.Option(help="Set of faces, NAME[/DOMAIN][:SPLIT]; the split is test if not said.")],
    out: Annotated[list[Path], typer.Option(metavar="<path>", help=(
        "A picture (.png, .svg, .pdf, .webp, .jpg) or an interactive .html; again for both at once."))],
    root: Annotated[Path | None, typer.Option(help="Where a real set is; default: its usual place.")] = None,
    projection: Annotated[str, Projection] = "umap",
    colour_by: Annotated[str | None, typer.Option(
        help="Of a picture: labels (the default), identity, domain, or any attribute; a page has them all.")] = None,
    faces: Annotated[bool, typer.Option("--faces", help="Draw faces into the picture; a page shows them.")] = False,
    most: Annotated[int, typer.Option(
        help="About so many faces at most, every class in its share, and at least one of each; a page holds "
             "up to 20,000.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the choice of faces and of UMAP.")] = 0,
    as_: Side = None,
    device: Device = "auto",
):
    """Draw the embedding of a trained run, or write a page on which hovering a point shows the face."""
    pages = [file for file in out if file.suffix.lower() == ".html"]
    pictures = [file for file in out if file not in pages]
    if wrong := [file for file in pictures if file.suffix.lower() not in PICTURES]:
        raise InputError(f"--out {wrong[0]} is neither a picture nor a page; expected a name ending in .html, "
                         f"{', '.join(PICTURES)}")
    if not pictures and (faces or colour_by is not None):
        raise InputError(f"{pages[0]} is a page, on which you choose the colours and see the faces; "
                         "leave out --colour-by and --faces, or write a picture")
    from ..checkpoint import load_run
    from ..device import pick_device
    from ..embed import at_most, project
    from ..look import see_all
    check_root(root, data)
    method = load_run(run, pick_device(device))
    shown = at_most(load(data, "test", root, method.size), most, seed)
    _check(shown, pages, pictures, colour_by or "labels")
    with taken_as(method, as_, run, shown):
        seen = see_all(method, shown.images)
    points = project(seen["embedding"], projection, seed)
    for picture in pictures:
        _draw(points, shown, picture, faces, colour_by or "labels", f"{run.name}: {shown.name}")
    for page in pages:
        _explore(points, shown, page, method, seen)


def _check(shown, pages, pictures, colour_by):
    """Raise InputError for what cannot be drawn: before the projection, which takes minutes."""
    from ..plots.explorer import MOST
    from ..plots.grouping import grouping
    if pictures:
        grouping(shown, colour_by)
    if pages and len(shown) > MOST:
        raise InputError(f"{pages[0]} would hold {len(shown):,} faces, but a page holds up to {MOST:,}; "
                         f"choose fewer with --most {MOST - 1000}")


def _draw(points, shown, out, faces, colour_by, title):
    from .. import plots
    draw = plots.embedding_thumbnails if faces else plots.embedding
    figure = draw(points, shown, colour_by, title=title)
    figure.savefig(out)
    typer.echo(f"{out}: {figure.alt}")
    if faces:
        say_terms(shown, out)


def _explore(points, shown, out, method, seen):
    from .. import plots
    from ..evaluate import nearest
    _, rows = nearest(seen["embedding"], count=min(8, len(shown) - 1))
    page = plots.explorer(points, shown, out, _predictions(method, shown, seen["logits"]), rows)
    typer.echo(f"{out}: {len(shown):,} faces to explore, {len(page.html) / 1e6:.1f} MB; open it in a browser")
    say_terms(shown, out)


def say_terms(shown, out):
    """Tell whoever looks at real people that the file shows them."""
    if not shown.name.startswith("synthfaces"):
        typer.echo(f"{out} shows the faces of {shown.name}: where they are of real people, its terms hold for this "
                   "file too")


def _predictions(method, faces, logits):
    """Return predicted classes by name as the faces number them; None where the method has none."""
    if logits.shape[1] != len(method.classes):
        return None
    from ..faces.shapes import renumbered
    return renumbered(logits.argmax(1), method.classes, faces.classes)
