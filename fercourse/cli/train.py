"""`fercourse train` and `fercourse evaluate`: the main job."""

import json
import re
import time
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError

METHODS = sorted(name for file in (Path(__file__).parents[1] / "methods").glob("*.py")       # to import them is slow
                 for name in re.findall(r'^@register\("(.+)"\)', file.read_text(encoding="utf-8"), re.MULTILINE))
SPEC = "NAME[/DOMAIN][:SPLIT], or the path of a pack"
Root = Annotated[Path | None, typer.Option(
    help="Where a real set is: its folder, its archive, or a pack of it. The embedded synthfaces take it only where it "
         "is a .parquet file of them, or a folder with one.")]
AsJson = Annotated[bool, typer.Option("--json", help="End with one JSON line of metrics.")]
Device = Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")]


def train(
    method: Annotated[str, typer.Argument(
        help=f"{', '.join(METHODS)}, or one of a file of your own: fercourse --use FILE train …")],
    data: Annotated[str, typer.Option(help=f"Set of faces: {SPEC}.")] = "synthfaces/wild",
    target: Annotated[str | None, typer.Option(help="Second domain, for methods that adapt: NAME[/DOMAIN].")] = None,
    score: Annotated[str | None, typer.Option(
        help="Set scored at the end; default: the val split of the target, else of the data.")] = None,
    root: Root = None,
    backbone: Annotated[str, typer.Option(help="lesson, lesson8, or any model of timm.")] = "lesson",
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
    size: Annotated[int | None, typer.Option(help="Side of the images in pixels; default: as the set has it.")] = None,
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
    set_: Annotated[list[str] | None, typer.Option(
        "--set", help="Hyper-parameter of the method as NAME=VALUE; may be repeated.")] = None,
    as_json: AsJson = False,
):
    """Train a method, score it, and keep the run.

    Several GPUs or machines: `torchrun --nproc-per-node N -m fercourse train …` with the same options.
    """
    import torch

    from .. import checkpoint, distributed
    from ..device import pick_device
    from ..methods import create
    from ..models.backbone import load_weights
    from ..train import fit
    if resume and out is None:
        raise InputError("--resume goes on with a run, but no --out says which; add --out runs/NAME")
    _check_root(root, data, target, score)
    began, device = time.perf_counter(), distributed.start(pick_device(device))
    out = out or _free_folder(method)
    hyper = {"backbone": backbone, "weights": weights and str(weights), "pretrained": pretrained, "grey": grey}
    hyper |= _settings(set_ or [])
    faces = _load(data, "train", root, size)
    torch.manual_seed(seed)
    if _probes(method):
        hyper, labels = {"labels": labels} | hyper, 1.0
    model = create(method, faces, **hyper)
    _check_noise(model, noise, noise_kind)
    faces = _with_noise(_usable(faces, model), labels, noise, noise_kind, seed)
    second = _load(target, "train", root, faces.images.shape[-1]) if target else None
    test = _scorable(_scored(score, target or data, root, faces.images.shape[-1]), model)
    if init:
        _say(load_weights(model, init / checkpoint.WEIGHTS))
    if model.backbone.report:
        _say(model.backbone.report)
    _say(f"{method} on {faces!r}, run in {out}")
    kept = _saved(out)
    history = fit(model, faces, target=second, epochs=epochs, batch_size=batch_size, lr=lr, seed=seed, out=out,
                  resume=resume, device=device, precision=precision, compile=compile_, save_every=save_every)
    if distributed.rank() == 0:
        seconds = round(time.perf_counter() - began, 1)
        if kept and kept == _saved(out):                                  # finished before, nothing was trained now
            seconds = _told_before(out, "seconds", seconds)
        facts = {"method": method, "run": str(out), "data": faces.name, "trained_on": len(faces), "epochs": epochs,
                 "seed": seed, "loss": history.last.get("total"), "seconds": seconds,
                 "images_per_s": history.last.get("images_per_s")}
        _tell(_measure(model, test, facts), out, as_json)
    distributed.stop()


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    data: Annotated[str | None, typer.Option(
        help=f"Set of faces: {SPEC}; default: the set that the run was trained for.")] = None,
    root: Root = None,
    by: Annotated[list[str] | None, typer.Option(help="Also a table by this column, such as gender.")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
):
    """Score a run on a set of faces: its test split unless the data says another."""
    from ..checkpoint import load_run
    from ..device import pick_device
    from ..evaluate.groups import groups_of
    _check_root(root, data)
    model = load_run(run, pick_device(device))
    faces = _scorable(_load(data, "test", root, model.size) if data else _own(run, root, model.size), model)
    for column in by or []:
        groups_of(faces, column)                                          # before scoring, which may take long
    facts = _measure(model, faces, {"method": model.name, "run": str(run)})
    _tell(facts, None, as_json)
    for column in by or []:
        typer.echo(_groups(model, faces, column), err=as_json)


# ---------------------------------------------------------------------- pieces


def _load(text, split, root, size):
    from ..faces.load import load_faces, parse_spec
    spec = parse_spec(text)
    return load_faces(spec.name, spec.split or split, _root_of(spec.name, root), spec.domain, size)


def _root_of(name, root):
    """Return the root; None for the embedded set where it is another's, for all sets of a command share one root."""
    from ..faces.load import is_embedded
    if root is None or not root.exists() or not is_embedded(name):
        return root
    return root if root.suffix == ".parquet" or next(root.glob("*.parquet"), None) else None


def _check_root(root, *texts):
    """Raise InputError for a root that none of the sets asked for would look at."""
    from ..faces.load import parse_spec
    names = [parse_spec(text).name for text in texts if text]
    if root and names and all(_root_of(name, root) is None for name in names):
        raise InputError(f"--root {root} is no place of {' or '.join(dict.fromkeys(names))}, whose faces are embedded; "
                         "expected a .parquet file of such faces, or a folder with one; otherwise leave out --root")


def _own(run, root, size):
    """Return the test split of the set that a run was trained for: its target, else its data."""
    from ..checkpoint import CONFIG
    config = json.loads((run / CONFIG).read_text(encoding="utf-8"))
    name = str(config.get("target") or config.get("data"))
    known = re.fullmatch(r"([^ :]+)(:\S+)? \(\d+ faces, \w+\)", name)     # as checkpoint.fingerprint writes it
    try:
        return _load(f"{known[1] if known else name}:test", "test", root, size)
    except InputError as error:
        raise InputError(f"{run}: the test split of its own set is not at hand ({error}); "
                         "say with --data what to score it on, and with --root where that is") from error


def _probes(method):
    """Return whether a method learns without labels and has a probe that takes a share of them."""
    from ..methods import method_class
    cls = method_class(method)
    return "labels" not in cls.needs and hasattr(cls.Hyper, "labels")


def _check_noise(model, noise, kind):
    """Raise InputError for wrong labels that nobody would read."""
    if (noise or kind == "votes") and "labels" not in model.needs and not _probes(model.name):
        raise InputError(f"--noise makes labels wrong, but {model.name} learns from "
                         f"{' and '.join(model.needs) or 'none'} here; leave it out, or let the method learn classes")


def _scorable(faces, model):
    """Return the faces (or None) if one of them has what the model is scored on: told before the work begins."""
    if faces is None:
        return None
    from ..evaluate.report import regresses, truth_in
    if regresses(model):
        known, what = ~faces.column("valence_arousal").isnan().any(1), "with valence and arousal"
    else:
        known, what = truth_in(model, faces) >= 0, f"of a class that this run knows: {', '.join(model.classes)}"
    if not known.any():
        raise InputError(f"{faces.name} has no face {what}; score another set")
    return faces


def _scored(text, default, root, size):
    """Return the faces to score; None where a set has no val split and nothing else was asked for."""
    from ..faces.load import parse_spec
    if text:
        return _load(text, "val", root, size)
    spec = parse_spec(default)
    try:
        return _load(f"{spec.name}{f'/{spec.domain}' if spec.domain else ''}:val", "val", root, size)
    except InputError as error:
        _say(f"nothing is scored at the end, because there is no val split ({error}); --score names another set")
        return None


def _usable(faces, model):
    """Return the faces that have what the method learns from."""
    keep = faces.labels >= -1
    if "labels" in model.needs:
        keep &= faces.labels >= 0
    if "valence_arousal" in model.needs:
        keep &= ~faces.column("valence_arousal").isnan().any(1)
    if keep.all():
        return faces
    _say(f"{int((~keep).sum())} of {len(faces)} faces are left out: they lack {' or '.join(model.needs)}")
    return faces.subset(keep)


def _with_noise(faces, labels, noise, kind, seed):
    """Return few faces and wrong labels, if asked for."""
    faces = faces.fraction(labels, seed) if labels != 1 else faces
    return faces.with_noise(noise, kind, seed) if noise or kind == "votes" else faces


def _settings(pairs):
    """Return NAME=VALUE texts as a dictionary."""
    for pair in pairs:
        if "=" not in pair:
            raise InputError(f"--set {pair} is no setting; expected NAME=VALUE, such as --set label_smoothing=0")
    return dict(pair.split("=", 1) for pair in pairs)


def _saved(out):
    """Return when the checkpoint of a run was written; None where there is none."""
    from ..checkpoint import CHECKPOINT
    file = Path(out) / CHECKPOINT
    return file.stat().st_mtime_ns if file.is_file() else None


def _told_before(out, name, otherwise):
    """Return one of the metrics that a run already has."""
    try:
        return json.loads((Path(out) / "metrics.json").read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError):
        return otherwise


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
    logits = ev.seen(model, faces)["logits"].cpu()
    if getattr(model, "regresses", False):
        return ev.by_group(faces, logits, column, faces.column("valence_arousal"), ev.mean_ccc).round(3).to_string()
    return ev.by_group(faces, logits.argmax(1), column, ev.truth_in(model, faces)).round(3).to_string()


def _say(sentence):
    from ..distributed import rank
    if rank() == 0:
        typer.echo(sentence, err=True)


def _tell(facts, out, as_json):
    """Print the metrics, for people or as one JSON line, and keep them in the run's folder."""
    from ..checkpoint import write_json
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
            value = f"{value[0]:.3f} to {value[1]:.3f} (95 %, over people where they are known)"
        elif name == "confusion" or value is None:
            continue
        elif isinstance(value, float):
            value = f"{value:.4g}"
        lines.append(f"{name.replace('_', ' '):18} {value}")
    return "\n".join(lines)
