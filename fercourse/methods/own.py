"""A file of one's own: it makes methods, studies and sets of faces known, without a change here."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb

from ..errors import InputError
from ..faces import catalogue
from .base import registry

_ALLOWED = 'registers a method with @register("name"), a study with @study("name") or a set with catalogue.add'


def use(file, *others: dict) -> list[str]:
    """Run a Python file of yours that registers methods or adds sets of faces; returns their names.

    Args:
        others: further registries that it may add to, name -> what; the command line gives that of studies.

    Raises:
        InputError: no such file, one that does not run, or one that registers nothing new.
    """
    path, registries = Path(file), (registry(), catalogue.registry(), *others)
    if path.is_dir() or (path.exists() and path.suffix != ".py"):
        raise InputError(f"{path}: is {'a folder' if path.is_dir() else 'no .py file'}; expected a Python file that "
                         + _ALLOWED)
    before = [dict(known) for known in registries]
    try:
        spec = spec_from_file_location(_free_name(path), path)
        module = module_from_spec(spec)
        sys.modules[spec.name] = module                     # dataclasses look their module up
        spec.loader.exec_module(module)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except Exception as error:
        raise InputError(f"{path}{_line(error, path)}: does not run ({type(error).__name__}: {error}); expected a "
                         f"Python file that {_ALLOWED}") from error
    names = [name for known, old in zip(registries, before) for name, what in known.items()
             if old.get(name) is not what]
    if not names:
        raise InputError(f"{path}: registers no method, study or set; expected a Python file that {_ALLOWED}")
    return names


def _free_name(path):
    """Return a name for the module of a file that no other file's module has."""
    name = f"fercourse_use_{path.stem}"
    while name in sys.modules and Path(sys.modules[name].__file__).resolve() != path.resolve():
        name += "_"
    return name


def _line(error, path):
    """Return where in a file an error arose, as `, line 3`; a syntax error says so itself."""
    here = path.resolve()
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if Path(frame.filename).resolve() == here]
    return f", line {lines[-1]}" if lines else ""
