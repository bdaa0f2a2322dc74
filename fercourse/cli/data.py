"""`fercourse data …`: which sets of faces there are, whether they are complete, and packing them."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError

app = typer.Typer(no_args_is_help=True, help="List, check, fetch and pack sets of faces.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
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
