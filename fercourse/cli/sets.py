"""The sets of faces that a command names: where they are, what of them can be learnt from and scored."""

import json
from contextlib import nullcontext
from pathlib import Path

from ..errors import InputError
from .say import say

SIDES = ("source", "target")
ASKED = "asked.json"          # beside a run: which sets it was asked to be trained on


def load(text, split, root, size):
    from ..faces.load import load_faces, parse_spec
    spec = parse_spec(text)
    return load_faces(spec.name, spec.split or split, root_of(spec.name, root), spec.domain, size)


def root_of(name, root):
    """Return the root; None for the embedded set where it is another's, for all sets of a command share one root."""
    from ..faces.load import is_embedded
    if root is None or not root.exists() or not is_embedded(name):
        return root
    return root if root.suffix == ".parquet" or next(root.glob("*.parquet"), None) else None


def check_root(root, *texts):
    """Raise InputError for a root that none of the sets asked for would look at."""
    from ..faces.load import parse_spec
    names = [parse_spec(text).name for text in texts if text]
    if root and names and all(root_of(name, root) is None for name in names):
        raise InputError(f"--root {root} is no place of {' or '.join(dict.fromkeys(names))}, whose faces are embedded; "
                         "expected a .parquet file of such faces, or a folder with one; otherwise leave out --root")


def remember(run, data, target, root):
    """Write beside a run which sets it was trained on, as they were asked for, so that they are found again."""
    from ..files import write_json
    write_json(run / ASKED, {"data": _from_anywhere(data), "target": target and _from_anywhere(target),
                             "root": root and str(root.absolute())})


def own_sets(run, root=None):
    """Return (data, target or None, root) of a run: as they were asked for, else as its settings tell."""
    if (run / ASKED).is_file():
        try:
            asked = json.loads((run / ASKED).read_text(encoding="utf-8"))
            return asked["data"], asked["target"], root or (asked["root"] and Path(asked["root"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{run / ASKED} cannot be read ({error}); expected which sets the run was trained on: "
                             "delete it, and say with --data what to score it on") from error
    return *_recorded(run), root


def _recorded(run):
    """Return the names of the faces that a run learnt from, and of its target's or None, as its settings tell."""
    from ..checkpoint import CONFIG, name_in
    config = json.loads((run / CONFIG).read_text(encoding="utf-8"))
    return [name_in(str(config[key])) if config.get(key) else None for key in ("data", "target")]


def _from_anywhere(text):
    """Return a set's name as it is, a file's with its whole path."""
    from ..faces.load import parse_spec
    name = parse_spec(text).name
    return text.replace(name, str(Path(name).absolute()), 1) if Path(name).is_file() else text


def own_test(run, root, size):
    """Return the test split of the set that a run was trained for: its target, else its data.

    Raises:
        InputError: it is not at hand, or the run was told labels of it.
    """
    import torch

    from ..faces.load import parse_spec
    data, target, root = own_sets(run, root)
    try:
        spec = parse_spec(target or str(data))
        faces = load(f"{spec.name}{f'/{spec.domain}' if spec.domain else ''}:test", "test", root, size)
        apart = target or set((spec.split or "train").split("+")) <= {"train", "val"}
        learnt = None if apart else load(str(data), "train", root, size)
    except InputError as error:
        raise InputError(f"{run}: the test split of its own set is not at hand ({error}); "
                         "say with --data what to score it on, and with --root where that is") from error
    if learnt is not None and torch.isin(faces.ids, learnt.ids).any():
        raise InputError(f"{run} learnt from {data}, faces of {faces.name} among them, so that scores there would say "
                         "nothing; say with --data what to score it on")
    return faces


def taken_as(method, side, run, faces=None):
    """Return a context in which a method that knows two domains takes faces to be of one of them; tell which.

    Without a side, faces of the set that taught the run are the source's, unless they are of its target too; all other
    faces are the target's.
    """
    from ..models.norms import has_two_statistics
    if side not in (None, *SIDES):
        raise InputError(f"--as {side} is no domain; expected {' or '.join(SIDES)}")
    if not has_two_statistics(method):
        if side:
            raise InputError(f"--as {side} chooses between the statistics of two domains, but {run} keeps those of one "
                             "only; leave it out")
        return nullcontext()
    side = side or _side(run, faces)
    say(f"faces are seen with the batch norm statistics of the {side}; --as source or --as target chooses")
    return method.seen_as(side)


def _side(run, faces):
    data, target = (faces is not None and _covers(name, faces.name) for name in _recorded(run))
    return "source" if data and not target else "target"


def _covers(known, name):
    """Return whether faces of a name are of a known set, or of its domain."""
    from ..faces.catalogue import plain
    from ..faces.load import parse_spec
    if known is None:
        return False
    known, asked = parse_spec(known), parse_spec(name)
    return plain(known.name) == plain(asked.name) and known.domain in (None, asked.domain)


def scored_set(text, trained, root, size):
    """Return the faces to score; None where nothing else was asked for than a val split that is trained on, or absent.

    Args:
        trained: the sets trained on, as they were asked for, with their faces; the val split is that of the last.
    """
    import torch

    from ..faces.catalogue import plain
    from ..faces.load import parse_spec
    if text:
        return load(text, "val", root, size)
    spec = parse_spec(list(trained)[-1])
    try:
        faces = load(f"{spec.name}{f'/{spec.domain}' if spec.domain else ''}:val", "val", root, size)
    except InputError as error:
        say(f"nothing is scored at the end, because there is no val split ({error}); --score names another set")
        return None
    known = [some.ids.cpu() for text, some in trained.items() if plain(parse_spec(text).name) == plain(spec.name)]
    if torch.isin(faces.ids.cpu(), torch.cat(known)).any():
        say(f"nothing is scored at the end, because the run learns from faces of {faces.name}; name others, such as "
            f"--score {spec.name}:test")
        return None
    return faces


def say_notes(faces, most=4):
    """Tell what a set's reader, or noise, did to the faces: the first of their notes."""
    for note in faces.notes[:most]:
        say(f"  {note}")
    if len(faces.notes) > most:
        say(f"  and {len(faces.notes) - most} notes more: fercourse data check NAME tells them")


def scorable(faces, model):
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
    if not regresses(model):
        _say_unscored(faces, known)
    return faces


def _say_unscored(faces, known):
    """Say how many labelled faces are of classes that a run does not know."""
    left = faces.truth[(faces.truth >= 0) & ~known].tolist()
    if left:
        words = [faces.classes[label] for label in sorted(set(left))]
        say(f"{len(left)} of {len(faces)} not scored: {', '.join(words)}, "
            f"{'a class' if len(words) == 1 else 'classes'} this run does not know")


def usable(faces, model):
    """Return the faces that have what the method learns from."""
    keep = faces.labels >= -1
    if "labels" in model.needs:
        keep &= faces.labels >= 0
    if "valence_arousal" in model.needs:
        if faces.valence_arousal is None and hasattr(model.hyper, "task"):
            raise InputError(f"{model.name} learns valence and arousal here, but {faces.name} has none; choose another "
                             "set, or let it learn classes: --set task=classes")
        keep &= ~faces.column("valence_arousal").isnan().any(1)
    if not keep.all():
        say(f"{int((~keep).sum())} of {len(faces)} faces are left out: they lack {' or '.join(model.needs)}")
        faces = faces.subset(keep)
    if "labels" in model.needs and len(faces.labels.unique()) == 1:
        word = faces.classes[faces.labels[0]]
        say(f"all {len(faces)} faces are of one class, {word}: there is nothing to tell apart")
    return faces


def few_and_noisy(faces, labels, noise, kind, seed):
    """Return a share of the labelled faces, with some labels made wrong, if that is asked for."""
    faces = faces.fraction(labels, seed) if labels != 1 else faces
    return faces.with_noise(noise, kind, seed) if noise or kind == "votes" else faces


def has_probe(method):
    """Return whether a method learns without labels and has a probe that takes a share of them."""
    from ..methods import method_class
    cls = method_class(method)
    return "labels" not in cls.needs and hasattr(cls.Hyper, "labels")


def check_noise(model, noise, kind):
    """Raise InputError for wrong labels that nobody would read, and for a share of them that nobody would heed."""
    if noise and kind == "votes":
        raise InputError(f"--noise-kind votes takes the word of one annotator for every face, so that no share of "
                         f"wrong labels can be chosen; leave out --noise {noise:g}, or choose symmetric or pair")
    if (noise or kind == "votes") and "labels" not in model.needs and not has_probe(model.name):
        raise InputError(f"--noise makes labels wrong, but {model.name} learns from "
                         f"{' and '.join(model.needs) or 'none'} here; leave it out, or let the method learn classes")
