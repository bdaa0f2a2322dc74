"""Checkpoints that survive a kill at any moment, and exported weights that need no training set."""

import atexit
import hashlib
import io
import json
import pickle
import weakref
import zipfile
from contextlib import suppress
from dataclasses import asdict
from itertools import count
from pathlib import Path

import torch

from . import __version__, distributed, origin
from .device import layout
from .errors import InputError, brief
from .files import replacing, write_json, writing
from .lock import take
from .plain import flat, is_plain, plain

FORMAT = 1                        # of the checkpoint; a newer one is refused
CHECKPOINT, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"
CONFIG, WEIGHTS = "config.json", "model.safetensors"
LOCK = "training.lock"
_LOCKS = weakref.WeakValueDictionary()   # of this process: a cell that is run again takes over from the one stopped


def log_path(folder) -> Path | None:
    """Return where a run in `folder` logs."""
    return Path(folder) / "log.jsonl" if folder else None


def kept_in(folder) -> Path | None:
    """Return the checkpoint that a resume in `folder` goes on with; None where it would start."""
    return next((Path(folder, name) for name in (CHECKPOINT, PREVIOUS) if Path(folder, name).exists()), None)


def new_folder(parent: Path, name: str) -> Path:
    """Make the first `NAME-NUMBER` in a folder that is not there yet; the same for all processes, and theirs alone.

    Where it is still empty when the process ends, it is removed.

    Raises:
        Unwritable: no folder can be made there.
    """
    made = [_make_next(parent, name) if distributed.rank() == 0 else None]
    if distributed.world() > 1:
        torch.distributed.broadcast_object_list(made)
    return made[0]


def _make_next(parent, name):
    with writing(parent / name):
        parent.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            with suppress(FileExistsError):
                (folder := parent / f"{name}-{number}").mkdir()
                break
    atexit.register(_remove_empty, folder.absolute())
    return folder


def _remove_empty(folder):
    with suppress(OSError):
        folder.rmdir()


class Checkpoint:
    """The state of one training in a folder.

    Everything random in a training follows from (seed, step), so that no generator's state needs keeping.

    Args:
        folder: where; None keeps nothing.
        config: plain values; a resume must find the same ones.
        parts: objects with `state_dict` and `load_state_dict`, by name.
        method: its `memory` is kept beside its weights.
    """

    def __init__(self, folder, config: dict, method, parts: dict):
        self.folder, self.config, self.method = Path(folder) if folder else None, config, method
        self.parts, self.lock = {"method": method, **parts}, None
        self.made = weakref.WeakValueDictionary(_tensors(method.memory if method else {}))          # by its setup

    def open(self, resume: bool) -> int:
        """Prepare the folder and return the number of finished steps: 0, or where the kept run stopped.

        Until `finish`, or the end of this process, no other may train into the folder.

        Raises:
            InputError: a resume without a folder, a run is there or being trained, what is kept is another's, or what
                is to be kept could not be read again.
        """
        if self.folder is None and resume:
            raise InputError("a resume was asked for, but no folder says of what; give out=… as well")
        if self.folder is None:
            return 0
        self._refuse_others()
        self._claim()
        try:
            done = self._begin(resume)
        except BaseException:
            self._leave()
            raise
        distributed.wait()
        return done

    def save(self, done: int):
        """Write the state after `done` steps; the checkpoint before it stays beside it."""
        if self.folder and distributed.rank() == 0:
            self._refuse_others()                  # `start_epoch` may have put more into the memory
            memory = self.method.memory
            state = {"format": FORMAT, "step": done, "config": self.config, "memory": memory,
                     "still": [name for name, value in _tensors(memory).items() if value is self.made.get(name)],
                     "versions": {"fercourse": __version__, "torch": str(torch.__version__)},
                     **{name: part.state_dict() for name, part in self.parts.items()}}
            content = io.BytesIO()                 # into a file, torch would hide what is wrong with the disk
            torch.save(plain(state), content)
            with replacing(self.folder / CHECKPOINT, self.folder / PREVIOUS) as part:
                part.write_bytes(content.getbuffer())
        distributed.wait()

    def finish(self):
        """Export the finished method into the folder."""
        if self.folder and distributed.rank() == 0:
            export(self.method, self.folder, self.config)
        self._leave()
        distributed.wait()

    def _refuse_others(self):
        """Raise InputError for a setting, or something in memory, that a resume could not read."""
        for name, value in flat(self.config).items():
            if not is_plain(value):
                raise InputError(f"{name} is of type {type(value).__name__}, which {CONFIG} cannot hold; expected a "
                                 "number, a text, or nothing")
        for name, value in (self.method.memory if self.method else {}).items():
            if not is_plain(plain(value), torch.Tensor):
                raise InputError(f"{self.method.name}: memory[{name!r}] holds something of type "
                                 f"{type(value).__name__}, which a resume would refuse to read; put tensors and plain "
                                 "numbers there")

    def _claim(self):
        """Keep other processes' trainings out of the folder."""
        if distributed.rank() != 0:
            return
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder.resolve() / LOCK
        ours = _LOCKS.get(place)
        self.lock = ours if ours and ours.held else take(place)
        if self.lock is None:
            raise InputError(f"{self.folder}: another training writes into it; wait for its end, or choose another "
                             "--out")
        _LOCKS[place] = self.lock

    def _leave(self):
        if self.lock:
            self.lock.release()

    def _begin(self, resume):
        kept = kept_in(self.folder)
        if kept and not resume:
            raise InputError(f"{self.folder}: holds a run already; go on with --resume or another --out")
        done = self._restore(kept) if kept else 0
        if distributed.rank() == 0:
            _sweep(self.folder)
            write_json(self.folder / CONFIG, self.config)
        return done

    def _restore(self, path):
        state = read_checkpoint(path)
        origin.same_run(path, state["config"], self.config, self.method.hyper)
        self.config |= {name: state["config"][name] for name in (origin.DIGEST,) if name in state["config"]}
        try:
            for name, part in self.parts.items():
                if state[name]:                    # a scaler that rested keeps nothing, and another would refuse it
                    part.load_state_dict(state[name])
        except (LookupError, ValueError, RuntimeError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: does not fit the method as it is now ({brief(error)}); it was made by "
                             f"{_maker(state)}, with the code of that time; go on with that, or start again in another "
                             "--out") from error
        fresh, still = self.method.memory, state.get("still", ())
        self.method.memory = {name: _like(value, fresh.get(name), self.method.device, name in still)
                              for name, value in state["memory"].items()}
        return state["step"]


def _sweep(folder):
    """Remove what a killed training was writing, on whatever machine, and nothing of anybody else."""
    for name in (CHECKPOINT, CONFIG, WEIGHTS):
        for left in folder.glob(f"{name}.*.[0-9]*.part"):
            with suppress(OSError):                                       # a folder, or not ours to remove
                left.unlink()


_STATE = {"config": dict, "memory": dict, "step": int}


def read_checkpoint(path) -> dict:
    """Read a checkpoint of plain values and tensors, and nothing else.

    Raises:
        InputError: missing, unreadable, damaged, not a checkpoint, made by a newer version, or refused as unsafe.
    """
    path = Path(path)
    beside = f"; {PREVIOUS} beside it holds the state before" if (path.parent / PREVIOUS).exists() else ""
    try:
        if damaged := zipfile.ZipFile(path).testzip():                    # torch does not compare checksums
            raise InputError(f"{path}: damaged ({damaged} fails its checksum); delete it{beside}")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such checkpoint; expected one by fercourse train --out") from error
    except PermissionError as error:
        raise InputError(f"{path}: you may not read it; ask for leave, or choose another --out") from error
    except pickle.UnpicklingError as error:
        raise InputError(f"{path}: holds more than tensors and plain values, and is refused because "
                         f"reading it could run code; delete it{beside}") from error
    except Exception as error:                     # zipfile, zlib and torch raise nearly everything on damaged bytes
        raise InputError(f"{path}: damaged or no checkpoint ({brief(error)}); delete it{beside}") from error
    if not isinstance(state, dict) or type(state.get("format")) is not int:
        raise InputError(f"{path}: no checkpoint; expected one by fercourse train --out")
    if state["format"] > FORMAT:
        raise InputError(f"{path}: made by {_maker(state)} in format "
                         f"{state['format']}, but {__version__} reads up to {FORMAT}; update fercourse")
    if lacking := [name for name, kind in _STATE.items() if not isinstance(state.get(name), kind)]:
        raise InputError(f"{path}: lacks its {' and '.join(lacking)}; delete it{beside}")
    if not is_plain(state["config"]):
        raise InputError(f"{path}: its config holds more than numbers and texts; delete it{beside}")
    return state


def _maker(state):
    versions = state.get("versions")
    version = versions.get("fercourse") if isinstance(versions, dict) else None
    return f"fercourse {version}" if version else "another fercourse"


def _tensors(memory):
    return {name: value for name, value in memory.items() if isinstance(value, torch.Tensor)}


@torch.no_grad()
def _like(value, fresh, device, still):
    """Return a kept value where the method's setup had put its kind.

    Args:
        still: the kept run still had the very tensor of its setup; the method may know it by a name of its own, so the
            value goes into that tensor, not in its place.
    """
    if not isinstance(value, torch.Tensor):
        return value
    value = value.to(fresh.device if isinstance(fresh, torch.Tensor) else device)
    if not (still and isinstance(fresh, torch.Tensor) and (fresh.shape, fresh.dtype) == (value.shape, value.dtype)):
        return value
    return fresh if fresh.equal(value) else fresh.copy_(value)           # a row that was expanded cannot be written to


def fingerprint(faces) -> str:
    """Return a short text that changes with the faces: name, ids, labels, affect, size, some pixels."""
    rows = torch.linspace(0, max(len(faces) - 1, 0), min(len(faces), 256)).long()
    digest = hashlib.sha256(repr((tuple(faces.images.shape), faces.classes)).encode())
    affect = [] if faces.valence_arousal is None else [faces.valence_arousal]
    for column in (faces.ids, faces.labels, *affect, faces.images[rows.to(faces.device)]):
        digest.update(column.cpu().contiguous().numpy().tobytes())
    return f"{faces.name} ({len(faces)} faces, {digest.hexdigest()[:12]})"


def name_in(fingerprint: str) -> str:
    """Return the name of the faces that a fingerprint is of."""
    return fingerprint.rsplit(" (", 1)[0]


def describe(method) -> dict:
    """Return the configuration that rebuilds a method: name, classes, size and hyper-parameters."""
    return plain({"method": method.name, "classes": list(method.classes), "size": method.size,
                  "hyper": asdict(method.hyper)})


def untrained(facts: dict):
    """Return a method as `describe` told of it, with random weights; its own are to follow."""
    from .methods import method_class
    from .typed import typed
    cls = method_class(facts["method"])
    hyper = facts["hyper"] | {"weights": None, "pretrained": False}
    return cls(facts["classes"], facts["size"], cls.Hyper(**typed(cls, hyper)))


def settings(method, faces, target, **training) -> dict:
    """Return what a resumed run must have in common with the one that was stopped."""
    data = {"data": fingerprint(faces), "target": fingerprint(target) if target is not None else None}
    views = {name: [v if isinstance(v, str) else repr(v) for v in getattr(method, name)] for name in origin.VIEWS}
    return {**describe(method), **plain(training), **data, **views, **origin.digest(method.hyper)}


def export(method, folder, facts: dict | None = None):
    """Write the weights as safetensors, and the configuration beside them as JSON, without `memory`."""
    from safetensors.torch import save
    folder = Path(folder)
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in method.state_dict().items()}
    with replacing(folder / WEIGHTS) as part:
        part.write_bytes(save(tensors))            # save_file would not say what is wrong with the disk
    write_json(folder / CONFIG, {**describe(method), **(facts or {})})


def load_run(folder, device="cpu"):
    """Return the trained method of a run's folder, in evaluation mode.

    Raises:
        InputError: no such run, one that is not finished, or weights that do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    folder = Path(folder)
    config = _read_config(folder)
    method = untrained(config)
    try:
        method.load_state_dict(load_file(folder / WEIGHTS))
    except FileNotFoundError as error:
        raise InputError(f"{folder}: the run is not finished ({WEIGHTS} is missing); "
                         "continue it with fercourse train … --resume") from error
    except (SafetensorError, RuntimeError, OSError) as error:
        raise InputError(f"{folder / WEIGHTS}: damaged, or not the weights of {CONFIG} beside it and of the method as "
                         f"it is now ({brief(error)})") from error
    return method.to(device, memory_format=layout(torch.device(device))).eval()


_CONFIG = {"method": str, "classes": list, "size": int, "hyper": dict}


def _read_config(folder):
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        kinds = all(isinstance(config[name], kind) for name, kind in _CONFIG.items())
        if kinds and config["size"] > 0 and all(isinstance(word, str) for word in config["classes"]):
            return config
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise InputError(f"{folder}: not a run; expected a folder with {CONFIG} and {WEIGHTS}, "
                     "as fercourse train --out writes it")
