"""`fercourse predict`: what a trained run makes of a photograph. Everything stays on this machine."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .embed import say_terms
from .options import PICTURES, Device, Side
from .sets import own_sets, root_of, taken_as


def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training.")],
    photo: Annotated[Path, typer.Argument(help="A picture with one or more faces, seen from the front.")],
    out: Annotated[Path | None, typer.Option(help="Picture to write (.png, .svg, .pdf, .webp, .jpg).")] = None,
    root: Annotated[Path | None, typer.Option(
        help="Where the run's own set of faces is, if it is a real one; default: its usual place.")] = None,
    most: Annotated[int, typer.Option(help="At most so many faces, the largest.", min=1)] = 6,
    as_: Side = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False,
):
    """Find the faces of a photograph and say what expression a run reads in each, and how sure it is.

    A run that was taught valence and arousal says how pleasant and how stirred each looks, both from -1 to 1.
    The photograph never leaves this machine. The answer is a guess about visible movements, not about feelings,
    and must not be used to judge anybody.
    """
    if out is not None and out.suffix.lower() not in PICTURES:
        raise InputError(f"--out {out} is no picture; expected a name ending in {', '.join(PICTURES)}")
    from ..checkpoint import load_run
    from ..device import pick_device
    from ..look import see_all
    from ..photo import from_photo
    method = load_run(run, pick_device(device))
    photographed = from_photo(photo, method.size, most)
    known, temperature = _own_faces(run, method, root)
    with taken_as(method, as_, run):
        seen, maps = see_all(method, photographed.images), _maps(method, photographed.images) if out else None
    answers = seen["logits"].cpu() if method.regresses else (seen["logits"].cpu() / temperature).softmax(1)
    facts = [{"box": [round(float(v)) for v in box], "tilt": round(float(tilt), 1), **_facts(method, answer)}
             for box, tilt, answer in zip(photographed.boxes, photographed.tilts, answers)]
    if out is not None:
        _draw(method, photographed, seen["embedding"], answers, maps, known, run, out)
    if as_json:
        typer.echo(json.dumps({"run": str(run), "photo": str(photo), "turned": photographed.turned,
                               "temperature": None if method.regresses else round(temperature, 4), "faces": facts}))
        return
    for number, fact in enumerate(facts, 1):
        typer.echo(f"face {number}: {_sentence(fact)}")
    if out is not None:
        typer.echo(f"{out}: the picture with where it looked" + (" and the nearest training faces" if known is not None
                                                                 else ""))
        if known is not None:
            say_terms(known, out)


def _facts(method, answer):
    """Return what is said of one face: valence and arousal, or the classes with their probabilities."""
    if method.regresses:
        return {word: round(float(v), 4) for word, v in zip(("valence", "arousal"), answer)}
    return {"expression": method.classes[int(answer.argmax())], "probability": round(float(answer.max()), 4),
            "probabilities": {word: round(float(v), 4) for word, v in zip(method.classes, answer)}}


def _sentence(fact):
    if "valence" in fact:
        return (f"valence {fact['valence']:+.2f} (-1 unpleasant, 1 pleasant), "
                f"arousal {fact['arousal']:+.2f} (-1 still, 1 stirred)")
    return f"{fact['expression']}, {100 * fact['probability']:.0f} % sure"


def _own_faces(run, method, root):
    """Return faces that the run was trained on and the temperature that calibrates it on its val split.

    Both are of the source, and seen as that, whatever the photograph is taken to be. Valence and arousal
    have no temperature: 1.
    """
    from ..embed import at_most
    from ..evaluate import fit_temperature, seen, truth_in
    from ..faces.load import load_faces, parse_spec
    name, _, root = own_sets(run, root)
    try:
        spec = parse_spec(str(name))
        root = root_of(spec.name, root)
        val = None if method.regresses else at_most(load_faces(spec.name, "val", root, spec.domain, method.size), 2000,
                                                    0)
        train = at_most(load_faces(spec.name, spec.split or "train", root, spec.domain, method.size), 2000, 0)
    except (InputError, ValueError) as error:
        calibrated = "" if method.regresses else "not calibrated, and "
        typer.echo(f"{calibrated}no training faces are shown: {name or 'its training set'} is not at hand "
                   f"({error}); --root says where it is", err=True)
        return None, 1.0
    if val is None:
        return train, 1.0
    with method.seen_as("source"):
        return train, fit_temperature(seen(method, val)["logits"].cpu(), truth_in(method, val))


def _maps(method, images):
    """Return where the method looked; None of a transformer, which has no such maps."""
    from ..embed import saliency
    try:
        return saliency(method, images)
    except InputError:
        return None


def _draw(method, photo, embedding, answers, maps, known, run, out):
    from .. import plots
    from ..evaluate import nearest, seen
    alike = words = None
    if known is not None:
        with method.seen_as("source"):
            rows = nearest(embedding, seen(method, known)["embedding"], 4)[1]
        alike, labels = known.images[rows.cpu()], known.words("labels")
        words = [[labels[k] for k in near] for near in rows.tolist()]
    plots.reading(photo, answers.numpy(), None if method.regresses else method.classes, maps, alike,
                  title=f"{Path(photo.name).name}: {run.name}", words=words).savefig(out)
