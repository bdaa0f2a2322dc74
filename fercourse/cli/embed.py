"""`fercourse embed`: what a trained run makes of a set of faces, as a picture or as a page to explore."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError

PICTURES = (".png", ".svg", ".pdf", ".webp", ".jpg")
Projection = typer.Option(help="umap keeps neighbourhoods; pca is quick and keeps the widest directions.")


def embed(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training.")],
    data: Annotated[str, typer.Option(help="Set of faces, NAME[/DOMAIN][:SPLIT]; the split is test if not said.")],
    out: Annotated[Path, typer.Option(help="A picture (.png, .svg, .pdf, .webp, .jpg) or an interactive .html.")],
    root: Annotated[Path | None, typer.Option(help="Where a real set is.")] = None,
    projection: Annotated[str, Projection] = "umap",
    colour_by: Annotated[str | None, typer.Option(
        help="Of a picture: labels (the default), identity, domain, or any attribute; a page has them all.")] = None,
    faces: Annotated[bool, typer.Option("--faces", help="Draw faces into the picture; a page shows them.")] = False,
    most: Annotated[int, typer.Option(
        help="About so many faces at most, every class in its share, and at least one of each.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the choice of faces and of UMAP.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
):
    """Draw the embedding of a trained run, or write a page on which hovering a point shows the face."""
    if out.suffix.lower() not in (".html", *PICTURES):
        raise InputError(f"--out {out} is neither a picture nor a page; expected a name ending in .html, "
                         f"{', '.join(PICTURES)}")
    is_page = out.suffix.lower() == ".html"
    if is_page and (faces or colour_by is not None):
        raise InputError(f"{out} is a page, on which you choose the colours and see the faces; "
                         "leave out --colour-by and --faces, or write a picture")
    from .. import plots
    from ..checkpoint import load_run
    from ..device import pick_device
    from ..embed import project
    from ..evaluate import nearest
    from ..look import see_all
    method = load_run(run, pick_device(device))
    shown = _faces(data, root, method.size, most, seed)
    seen = see_all(method, shown.images)
    points = project(seen["embedding"], projection, seed)
    if is_page:
        _, rows = nearest(seen["embedding"], count=min(8, len(shown) - 1))
        page = plots.explorer(points, shown, out, _predictions(method, shown, seen["logits"]), rows)
        typer.echo(f"{out}: {len(shown):,} faces to explore, {len(page.html) / 1e6:.1f} MB; open it in a browser")
        return
    draw = plots.embedding_thumbnails if faces else plots.embedding
    figure = draw(points, shown, colour_by or "labels", title=f"{run.name}: {shown.name}")
    figure.savefig(out)
    typer.echo(f"{out}: {figure.alt}")


def _faces(data, root, size, most, seed):
    from ..embed import at_most
    from ..faces.load import load_faces, parse_spec
    spec = parse_spec(data)
    return at_most(load_faces(spec.name, spec.split or "test", root, spec.domain, size), most, seed)


def _predictions(method, faces, logits):
    """Return predicted classes by name as the faces number them; None where the method has none."""
    if logits.shape[1] != len(method.classes):
        return None
    number = [faces.classes.index(word) if word in faces.classes else -1 for word in method.classes]
    return logits.new_tensor(number).long()[logits.argmax(1)]
