"""What a grading has finished, on the disk at once: a machine that goes down costs only what ran just then."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock

import nbformat

from ..errors import InputError
from ..files import append
from .notebooks import ROOT


@dataclass
class Unfinished:
    """A file with a line for each submission that is finished; it is there only while a grading is not.

    Attributes:
        asked: {number of a lesson: what it asks}; `limits`: of the runs. Where these changed, lines count no more.
        lines: {digest of a submission: what it earned}, of a grading that was cut off.
    """

    path: Path
    asked: dict
    limits: object
    lines: dict[str, dict] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self):
        """Read what is there already; a line may be cut off."""
        text = self.path.read_text("utf-8", errors="replace") if self.path.is_file() else ""
        for line in text.splitlines():
            with suppress(ValueError, KeyError, TypeError):
                self.lines[json.loads(line)["digest"]] = json.loads(line)

    def tell(self, handed_in, told):
        """Tell how many of what `choose` returns need not run once more."""
        if count := sum(self.digest(item) in self.lines for item in handed_in):
            told(f"{count} of {len(handed_in)} do not run again, as a grading that was cut off had finished them; "
                 f"to run them, too, delete {self.path} first")

    def earned(self, item, nothing):
        """Return the grade of a submission that is finished, in place of `nothing`; None where it is not."""
        if line := self.lines.get(self.digest(item)):
            book = nbformat.from_dict(line["book"]) if line["book"] else None
            return replace(nothing, points=line["points"], problem=line["problem"], book=book)
        return None

    def keep(self, item, grade):
        """Write down what a submission earned; where there is no room, it runs again after a cut."""
        line = {"digest": self.digest(item), "points": grade.points, "problem": grade.problem, "book": grade.book}
        with suppress(InputError), self.lock:
            append(self.path, f"\n{json.dumps(line)}\n")     # in a line of its own, whatever was cut off before

    def digest(self, item) -> str:
        """Return what is another for another student, notebook, lesson, test, checker or limit."""
        submission, book, lesson, problem = item
        checkers = [path.read_text("utf-8") for path in sorted((ROOT / "fercourse" / "check").glob("*.py"))]
        about = [submission.student, submission.ident, submission.name, lesson, problem, _cells(book),
                 _cells(self.asked[lesson].released), checkers, asdict(self.limits)]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def _cells(book):
    """Return the cells of a notebook, without ids, which are made anew whenever it is read."""
    return book and [{key: value for key, value in cell.items() if key != "id"} for cell in book.cells]
