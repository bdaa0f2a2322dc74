"""`fercourse train` and `fercourse evaluate`: the main job."""

import json
import re
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import Device, Root, Side
from .say import say
from .sets import (
    check_noise,
    check_root,
    few_and_noisy,
    has_probe,
    load,
    own_test,
    remember,
    say_notes,
    scorable,
    scored_set,
    taken_as,
    usable,
)

METHODS = sorted(name for file in (Path(__file__).parents[1] / "methods").glob("*.py")       # to import them is slow
                 for name in re.findall(r'^@register\("(.+)"\)', file.read_text(encoding="utf-8"), re.MULTILINE))
SPEC = "NAME[/DOMAIN][:SPLIT], or the path of a pack"
AsJson = Annotated[bool, typer.Option("--json", help="End with one JSON line of metrics.")]


def _once(param: typer.CallbackParam, given: list[str] | None):
    """Refuse an option that stands twice, of which all but the last would be forgotten in silence."""
    if len(given or ()) > 1:
        raise InputError(f"--{param.name} stands {len(given)} times ({', '.join(given)}); expected one set of faces; "
                         "leave out the others")
    return given or []                   # typer before 0.19 makes a list of it once more


def train(
    ctx: typer.Context,
    method: Annotated[str, typer.Argument(
        help=f"{', '.join(METHODS)}, or one of a file of your own: fercourse --use FILE train …")],
    data: Annotated[list[str] | None, typer.Option(
        metavar="SET", callback=_once, help=f"Set of faces: {SPEC}; default: synthfaces/wild.")] = None,
    target: Annotated[list[str] | None, typer.Option(
        metavar="SET", callback=_once, help="Second domain, for methods that adapt: NAME[/DOMAIN].")] = None,
    score: Annotated[str | None, typer.Option(
        help="Set scored at the end; default: the val split of the target, else of the data; never one that is "
             "trained on.")] = None,
    root: Root = None,
    backbone: Annotated[str, typer.Option(
        help="lesson, lesson8, lesson-wide, fine18, or any model of timm.")] = "lesson",
    weights: Annotated[Path | None, typer.Option(help="Local file of pre-trained backbone weights.")] = None,
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Start from timm's published weights.")] = False,
    init: Annotated[Path | None, typer.Option(help="Start from the weights of another run, where they fit.")] = None,
    labels: Annotated[float, typer.Option(
        help="Share of the labelled faces to train on, class by class. A method that needs no labels but has a probe, "
             "such as hncl, learns from all faces; this share is its probe's.")] = 1.0,
    noise: Annotated[float, typer.Option(help="Share of the training labels that is made wrong.")] = 0.0,
    noise_kind: Annotated[str, typer.Option(help="symmetric, pair or votes.")] = "symmetric",
    epochs: Annotated[int, typer.Option(min=1, help="Walks through the training set.")] = 20,
    batch_size: Annotated[int, typer.Option(min=1, help="Faces a step, over all processes.")] = 128,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 2e-3,
    size: Annotated[int | None, typer.Option(
        help="Side of the images in pixels; default: as the set or the pack has it, 112 for image files.")] = None,
    grey: Annotated[bool, typer.Option("--grey", help="Take the colour away.")] = False,
    seed: Annotated[int, typer.Option(
        min=0, max=2**63 - 1, help="Decides weights, order, augmentation, noise and subsets.")] = 0,
    out: Annotated[Path | None, typer.Option(
        help="Folder of the run: checkpoint, log, weights, metrics; default: a new runs/METHOD-NUMBER.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in --out stopped.")] = False,
    save_every: Annotated[int, typer.Option(
        min=0, help="Also save after so many steps; 0: after every epoch only.")] = 0,
    device: Device = "auto",
    precision: Annotated[str, typer.Option(help="auto, bf16, fp16 or fp32.")] = "auto",
    compile_: Annotated[bool, typer.Option("--compile", help="Compile the backbone; pays off in long runs.")] = False,
    deterministic: Annotated[bool, typer.Option(
        "--deterministic", help="On a GPU, prefer operations that repeat bit by bit; one that cannot warns.")] = False,
    set_: Annotated[list[str] | None, typer.Option(
        "--set", help="Hyper-parameter of the method as NAME=VALUE; may be repeated. --set help lists them, with their "
                      "defaults and meanings.")] = None,
    as_json: AsJson = False,
):
    """Train a method, score it, and keep the run.

    Several GPUs or machines: `torchrun --nproc-per-node N -m fercourse train …` with the same options.
    """
    if "help" in (set_ or ()):
        typer.echo(_explained(ctx, method))
        return
    from .. import checkpoint, distributed
    from ..deterministic import fix_workspace
    from ..device import pick_device
    from ..models.backbone import load_weights
    from ..train import fit
    data, target = data[0] if data else "synthfaces/wild", target[0] if target else None
    if resume and out is None:
        raise InputError("--resume goes on with a run, but no --out says which; add --out runs/NAME")
    check_root(root, data, target, score)
    if deterministic:
        fix_workspace()
    began, device = time.perf_counter(), distributed.start(pick_device(device))
    out = out or _free_folder(method)
    hyper = {"backbone": backbone, "weights": weights and str(weights), "pretrained": pretrained, "grey": grey}
    hyper |= _settings(set_ or [])
    begun = resume and checkpoint.kept_in(out)                            # it holds all weights
    model, faces, second, test = _prepare(method, hyper, begun, data, target, score, root, size, labels, noise,
                                          noise_kind, seed)
    if init and not begun:
        say(load_weights(model, init / checkpoint.WEIGHTS))
    if model.backbone.report:
        say(model.backbone.report)
    say(f"{method} on {faces!r}, run in {out}")
    say_notes(faces)
    saved = _saved(out)
    history = fit(model, faces, target=second, epochs=epochs, batch_size=batch_size, lr=lr, seed=seed, out=out,
                  resume=resume, device=device, precision=precision, compile=compile_,
                  deterministic=deterministic, save_every=save_every)
    if distributed.rank() == 0:
        remember(out, data, target, root)
        facts = {"method": method, "run": str(out), "data": faces.name, "trained_on": len(faces), "epochs": epochs,
                 "seed": seed, "loss": history.last.get("total"), "seconds": _seconds(out, began, saved),
                 "images_per_s": history.last.get("images_per_s")}
        with taken_as(model, None, out, test) if test is not None else nullcontext():
            _tell(_measure(model, test, facts), out, as_json)
    distributed.stop()


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    data: Annotated[str | None, typer.Option(
        help=f"Set of faces: {SPEC}; default: the set that the run was trained for.")] = None,
    root: Root = None,
    by: Annotated[list[str] | None, typer.Option(help="Also a table by this column, such as gender.")] = None,
    as_: Side = None,
    device: Device = "auto",
    as_json: AsJson = False,
):
    """Score a run on a set of faces: its test split unless the data says another."""
    from ..checkpoint import load_run
    from ..device import pick_device
    from ..evaluate.groups import groups_of
    check_root(root, data)
    model = load_run(run, pick_device(device))
    faces = scorable(load(data, "test", root, model.size) if data else own_test(run, root, model.size), model)
    for column in by or []:
        groups_of(faces, column)                                          # before scoring, which may take long
    with taken_as(model, as_, run, faces):
        _tell(_measure(model, faces, {"method": model.name, "run": str(run)}), None, as_json)
        for column in by or []:
            typer.echo(_groups(model, faces, column), err=as_json)


# ---------------------------------------------------------------------- pieces


def _explained(ctx, method):
    """Return a method's hyper-parameters in the layout of --help."""
    from ..methods import method_class
    from .hyper import explained
    page = ctx.make_formatter()
    with page.section(f"Hyper-parameters of {method}, with their defaults; set each by --set NAME=VALUE"):
        page.write_dl(explained(method_class(method).Hyper))
    return page.getvalue().rstrip()


def _settings(pairs):
    """Return NAME=VALUE texts as a dictionary."""
    for pair in pairs:
        if "=" not in pair:
            raise InputError(f"--set {pair} is no setting; expected NAME=VALUE, such as --set label_smoothing=0, "
                             "or --set help for a list")
    return dict(pair.split("=", 1) for pair in pairs)


def _prepare(method, hyper, begun, data, target, score, root, size, labels, noise, noise_kind, seed):
    """Return the method, the faces to train on, those to adapt to and those to score; None for sets not asked for."""
    import torch

    from .. import origin
    from ..methods import create
    faces = load(data, "train", root, size)
    torch.manual_seed(seed)
    if has_probe(method):
        hyper, labels = {"labels": labels} | hyper, 1.0
    model = (origin.create_without_weights if begun else create)(method, faces, **hyper)
    check_noise(model, noise, noise_kind)
    faces = few_and_noisy(usable(faces, model), labels, noise, noise_kind, seed)
    second = load(target, "train", root, model.size) if target else None
    trained = {data: faces} | ({target: second} if target else {})
    return model, faces, second, scorable(scored_set(score, trained, root, model.size), model)


def _saved(out):
    """Return when the checkpoint of a run was written; None where there is none."""
    from ..checkpoint import CHECKPOINT
    file = Path(out) / CHECKPOINT
    return file.stat().st_mtime_ns if file.is_file() else None


def _seconds(out, began, saved):
    """Return how long a run took; of one that was finished before, where nothing was trained now, what it says."""
    seconds = round(time.perf_counter() - began, 1)
    if not saved or saved != _saved(out):
        return seconds
    try:
        return json.loads((Path(out) / "metrics.json").read_text(encoding="utf-8"))["seconds"]
    except (OSError, ValueError, KeyError, TypeError):
        return seconds


def _free_folder(method):
    from ..checkpoint import new_folder
    from ..methods import method_class
    method_class(method)                                                  # no folder for a misspelt one
    return new_folder(Path("runs"), method)


def _measure(model, faces, facts):
    """Return the facts with the scores on some faces."""
    from ..evaluate import evaluate as scores_of
    if faces is None:
        return facts
    return facts | {"scored": faces.name} | scores_of(model, faces.resize(model.size))


def _groups(model, faces, column):
    """Return a table as text: the accuracy, or the mean CCC, of every group."""
    from .. import evaluate as ev
    from ..evaluate.bootstrap import LEAST
    logits = ev.seen(model, faces)["logits"].cpu()
    if getattr(model, "regresses", False):
        asked = logits, column, faces.column("valence_arousal"), ev.mean_ccc
    else:
        asked = logits.argmax(1), column, ev.truth_in(model, faces)
    return ev.by_group(faces, *asked, least=LEAST).round(3).to_string(na_rep="–")


def _tell(facts, out, as_json):
    """Print the metrics, for people or as one JSON line, and keep them in the run's folder."""
    from ..files import write_json
    if out:
        write_json(Path(out) / "metrics.json", facts)
    typer.echo(json.dumps(facts) if as_json else _readable(facts))


def _readable(facts):
    """Return metrics as lines: numbers, then the classes' recalls or each axis."""
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            value = "  ".join(f"{k} {'–' if v is None else f'{v:.3f}'}" for k, v in value.items())
        elif name.endswith("_interval"):
            over = f"{facts['people']} people" if facts["people"] else f"{facts['faces']} faces"
            value = f"{value[0]:.3f} to {value[1]:.3f} (95 %, over {over})" if value else f"– (too few: {over})"
        elif name == "confusion" or value is None:
            continue
        elif isinstance(value, float):
            value = f"{value:.4g}"
        lines.append(f"{name.replace('_', ' '):18} {value}")
    return "\n".join(lines)
