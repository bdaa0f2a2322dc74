"""`fercourse data …`: which sets of faces there are, whether they are complete, bringing one here, packing it."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import AsJson

app = typer.Typer(no_args_is_help=True, help="List, check, fetch and pack sets of faces.")

Options = Annotated[list[str] | None, typer.Option(
    "--option", help="KEY=VALUE for the set's reader, such as classes=7 for affectnet; may be repeated.")]


@app.command("list")
def list_sets(as_json: AsJson = False):
    """Show every set: found or not, where it is looked for, size, classes, terms, how to get it."""
    from ..faces import catalogue
    facts = [_facts(catalogue, name) for name in catalogue.names()]
    if as_json:
        typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))
        return
    for fact in facts:
        typer.echo(_entry(fact))


@app.command("check")
def check_set(
    name: Annotated[str, typer.Argument(help="Set of the catalogue, such as rafdb.")],
    root: Annotated[Path | None, typer.Option(
        help="The set's folder, the folder it is in, its archive, or a pack of it; default: its usual place.")] = None,
    pictures: Annotated[bool, typer.Option(help="Open every image file as well.")] = True,
    option: Options = None,
    as_json: AsJson = False,
):
    """Compare files and class counts with the published ones, open every image, and name every surprise."""
    from ..faces.check import check
    report = check(name, root, pictures, **options_of(option))
    typer.echo(json.dumps(report.as_dict(), indent=1, ensure_ascii=False) if as_json else _report(report))


def options_of(pairs):
    """Return {key: value} of KEY=VALUE texts; whole numbers, true and false become what they are.

    A key that is given several times has its values joined by commas, as one text.
    """
    texts = {}
    for pair in pairs or ():
        key, equals, text = pair.partition("=")
        if not (key and equals):
            raise InputError(f"--option {pair!r} is not KEY=VALUE, such as classes=7")
        texts[key] = f"{texts[key]},{text}" if key in texts else text
    return {key: _value(text) for key, text in texts.items()}


def _value(text):
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if re.fullmatch(r"-?\d+", text, re.ASCII) else text


@app.command("get")
def get_set(
    name: Annotated[str, typer.Argument(help="Set of the catalogue; muxspace can be downloaded, for others "
                                             "this says whom to ask.")],
    root: Annotated[Path | None, typer.Option(
        help="Folder to make for the set; default: its usual place, see `fercourse data list`.")] = None,
    url: Annotated[str | None, typer.Option(help="Download from here instead, such as a mirror.")] = None,
    sha256: Annotated[str | None, typer.Option(
        help="SHA-256 that the archive must have; default: the one of the first download.")] = None,
):
    """Download a set that is public; its terms are told first. Resumed after a break, checked, unpacked safely."""
    from ..faces import catalogue
    from ..faces.download import get, source_of
    source, info = source_of(name), catalogue.get(name)
    typer.echo(f"{info.title}. Terms: {info.terms}\nFrom {url or source.url}")
    got = get(name, root, url, sha256)
    typer.echo(f"SHA-256 {got.sha256}\n{info.title} is in {got.folder}; the archive {got.archive} may be deleted.")


@app.command("pack")
def pack_set(
    name: Annotated[str, typer.Argument(help="Set of the catalogue, such as rafdb.")],
    root: Annotated[Path | None, typer.Option(
        help="The set's folder, the folder it is in, or its archive; default: its usual place.")] = None,
    size: Annotated[int, typer.Option(help="Side of the decoded images in pixels.")] = 112,
    out: Annotated[Path | None, typer.Option(
        help="File to write, ending in .safetensors; default: NAME-SIZE.safetensors.")] = None,
    margin: Annotated[float, typer.Option(
        help="Widen face boxes by this share of their width and height on every side.")] = 0.0,
    fit: Annotated[str, typer.Option(
        help="What is not square: squash it to a square, or crop the square in its middle.")] = "squash",
    option: Options = None,
    workers: Annotated[int | None, typer.Option(help="Threads that decode; default: one a core.")] = None,
):
    """Decode a whole set once into one file, which opens at once and stays on disk however large it is.

    Images that cannot be read are left out and listed with the reason, in the file and here. Use the file
    wherever a set's name goes: `load_faces("FILE")`, `--data FILE:train`.
    """
    from ..faces import catalogue
    from ..faces.decode import Crop
    from ..faces.pack import write_pack
    crop = Crop(size, margin, fit)
    _check_ending(out)
    listing = catalogue.read(name, root, **options_of(option))
    out = out or Path(f"{listing.name}-{size}.safetensors")
    origin = _origin(name, root)
    _check_free(out, listing.name, origin)
    manifest = write_pack(listing, out, crop, workers, origin)
    typer.echo(_packed(manifest, out))


def _check_ending(out):
    if out and not out.is_dir() and out.suffix.lower() != ".safetensors":
        raise InputError(f"--out {out} is no name for a pack; expected one ending in .safetensors, such as "
                         f"{out.with_suffix('.safetensors')}")


def _origin(name, root):
    """Return a number for the place of somebody's own faces; None for a published set, the same wherever it is."""
    from ..faces import catalogue
    from ..faces.readers.found import stable_id
    return stable_id(str(root.resolve())) if catalogue.get(name).any_root else None


def _check_free(out, name, origin):
    """Raise InputError where a file is that is no pack, or one of other faces; a damaged pack may be made again."""
    from ..faces.unpack import is_pack, open_pack
    if not out.is_file():
        return
    what = "no pack of faces"
    if is_pack(out):
        try:
            pack = open_pack(out)
            what = f"a pack of {pack.listing.name}"
            if pack.manifest.get("origin") != origin:
                what += " from another place"
        except InputError:
            return
    if what != f"a pack of {name}":
        raise InputError(f"{out} is there already, and is {what}; choose another --out, or remove it")


# ---------------------------------------------------------------------- words on the screen


def _facts(catalogue, name):
    info, place = catalogue.get(name), catalogue.found(name)
    published = sum(sum(part.values()) for part in info.counts.values())
    return {"name": name, "title": info.title, "found": place is not None, "place": place and str(place),
            "looked_for": None if info.any_root else str(info.place), "classes": list(info.classes),
            "faces": published or None, "image": info.image, "terms": info.terms, "get": info.get,
            "layout": info.layout}


def _entry(fact):
    size = f"{fact['faces']:,} faces, {fact['image']}" if fact["faces"] else fact["image"]
    classes = ", ".join(fact["classes"]) or "valence and arousal only"
    lines = {"where": _where(fact), "size": size, "classes": classes,
             "terms": fact["terms"], "get": fact["get"]}
    return "\n".join([f"{fact['name']}: {fact['title']}",
                      *(f"  {word:<8} {text}" for word, text in lines.items())])


def _where(fact):
    if fact["found"]:
        return f"found in {fact['place']}"
    return f"not found; looked for in {fact['looked_for']}" if fact["looked_for"] else "wherever --root says"


def _report(report):
    lines = [f"{report.title} in {report.root}", "", _table(report), ""]
    lines += ["Surprises:" if report.surprises else "No surprises."]
    lines += [f"  - {surprise}" for surprise in report.surprises]
    if report.notes:
        lines += ["Notes:", *(f"  - {note}" for note in report.notes)]
    return "\n".join(lines)


def _table(report):
    """Return a row for each part and class: found, published."""
    rows = [("part", "class", "found", "published")]
    for part, counts in report.counts.items():
        published = report.published.get(part, {})
        for word, count in [*counts.items(), ("all", sum(counts.values()))]:
            expected = sum(published.values()) if word == "all" else published.get(word)
            rows.append((part, word, f"{count:,}", f"{expected:,}" if expected else ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    line = "  ".join(f"{{:{side}{width}}}" for side, width in zip("<<>>", widths))
    return "\n".join(line.format(*row).rstrip() for row in rows)


def _packed(manifest, out, most=20):
    parts = ", ".join(f"{word} {end - begin:,}" for word, (begin, end) in manifest["splits"].items())
    lines = [f"{out}: {manifest['faces']:,} faces of {manifest['size']} px ({parts}), "
             f"{out.stat().st_size / 1e6:,.1f} MB", *manifest["notes"]]
    rejects = [f"{file}{f', line {line}' if line else ''}: {reason}" for file, reason, line in manifest["rejects"]]
    if rejects:
        lines += [f"{len(rejects):,} left out:", *(f"  {reject}" for reject in rejects[:most])]
    if len(rejects) > most:
        lines.append(f"  and {len(rejects) - most:,} more; the file's manifest lists them all")
    return "\n".join(lines)
