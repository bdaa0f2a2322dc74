"""Checkers of the exercises: `fc.check.lesson00.majority(answer)`, `.hint()`, `.about()`, `fc.check.progress()`.

A checker calls a student's function and reads what it returns; it shows neither the solution nor a traceback.
"""

from importlib import import_module
from pathlib import Path

from .base import Checker, WrongAnswer, checker, checkers_of, progress_table

__all__ = ["Checker", "WrongAnswer", "checker", "checkers_of", "lessons", "progress"]


def lessons() -> list[str]:
    """Return the names of the lessons that have checkers, in their order."""
    return sorted(path.stem for path in Path(__file__).parent.glob("lesson*.py"))


def progress():
    """Print what was tried and solved in this session, lesson by lesson."""
    of_lesson = [checkers_of(import_module(f"{__name__}.{lesson}")) for lesson in lessons()]
    begun = [progress_table(one) for one in of_lesson if any(checker.tries for checker in one)]
    print("\n".join(begun) if begun else "Nothing checked yet in this session.")


def __getattr__(name):
    if name.startswith("lesson") and name in lessons():
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"fercourse.check has no {name!r}; it has {', '.join(lessons())}")


def __dir__():
    return [*__all__, *lessons()]
