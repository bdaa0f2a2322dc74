"""What a checker is: a named test of an answer, with hints that never give the solution away."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import InputError

LEVELS = 3                       # hints of an exercise: where to look, how to go about it, what to write first


class WrongAnswer(AssertionError):
    """The verdict on an answer that is not right yet; notebooks show its text and no traceback."""

    def _render_traceback_(self):
        return [str(self)]


@dataclass(eq=False)
class Checker:
    """One exercise: call it with the student's answer.

    Attributes:
        lesson: its module, such as `"lesson00"`; `name`: the word after it.
        test: takes the answer and raises `WrongAnswer`; may return a sentence for those who got it right.
        minutes: how long it takes most people; `difficulty`: 1 to 3.
        hints: three, from where to look to what to write first.
        tries, passed: in this session.
    """

    lesson: str
    name: str
    test: Callable
    minutes: int
    difficulty: int
    hints: tuple[str, ...]
    tries: int = 0
    passed: bool = False
    shown: int = field(default=0, repr=False)

    def __post_init__(self):
        if len(self.hints) != LEVELS or self.difficulty not in (1, 2, 3):
            raise InputError(f"{self.lesson}.{self.name} needs {LEVELS} hints and a difficulty of 1 to 3")
        self.__doc__ = self.test.__doc__

    def __call__(self, answer):
        """Test the answer and print the verdict.

        Raises:
            WrongAnswer: an AssertionError, so that a test cell fails; its text names the likely mistake.
        """
        self.tries += 1
        try:
            praise = self.test(answer)
        except WrongAnswer as wrong:
            raise WrongAnswer(f"Not yet · {self._asked(answer)}: {wrong}\nStuck? {self._call('hint()')}") from None
        self.passed = True
        print(f"Right · {self.name}" + (f": {praise}" if praise else ""))

    def hint(self, level: int | None = None):
        """Print the next hint, or the one of a level (1 to 3); each says a little more."""
        if level is not None and level not in range(1, LEVELS + 1):
            raise InputError(f"{self._call('hint')} has the levels 1 to {LEVELS}, not {level}")
        level = min(self.shown + 1, LEVELS) if level is None else level
        self.shown = max(self.shown, level)
        print(f"Hint {level} of {LEVELS}: {self.hints[level - 1]}")
        if level == LEVELS:
            print(f"Still stuck? The solved lesson, notebooks/{self.lesson[-2:]}_….ipynb, shows one way.")

    def about(self):
        """Print what is asked, how long it takes and how hard it is."""
        print(self)

    def __repr__(self):
        asked = (self.test.__doc__ or self.name).strip().splitlines()[0]
        return f"{self.name} · {self.minutes} min · {self.stars}\n{asked}"

    @property
    def stars(self) -> str:
        """Return the difficulty as dots, such as `"●●○"`."""
        return "●" * self.difficulty + "○" * (3 - self.difficulty)

    def _asked(self, answer):
        """Return the name of the exercise, with that of the student's function where it is another."""
        named = getattr(answer, "__name__", self.name)
        return self.name if named in (self.name, "<lambda>") else f"{self.name} (`{named}`)"

    def _call(self, what):
        return f"fc.check.{self.lesson}.{self.name}.{what}"


def checker(minutes: int, difficulty: int, hints) -> Callable:
    """Make a checker of the function below: its name, its first docstring line and its module speak for it.

    The function takes the answer, raises `WrongAnswer` (see `answers`) and may return a sentence of praise.
    """
    def make(test):
        lesson = test.__module__.rpartition(".")[2]
        return Checker(lesson, test.__name__, test, minutes, difficulty, tuple(hints))
    return make


def checkers_of(module) -> list[Checker]:
    """Return the checkers of a lesson's module, in their order."""
    return [value for value in vars(module).values() if isinstance(value, Checker)]


def progress_table(checkers) -> str:
    """Return one lesson's progress in this session as text."""
    done = sum(one.passed for one in checkers)
    lines = [f"{checkers[0].lesson}: {done} of {len(checkers)}"]
    width = max(len(one.name) for one in checkers)
    return "\n".join(lines + [f"  {one.name:{width}}  {one.stars}  {_state(one)}" for one in checkers])


def _state(one):
    tries = "1 try" if one.tries == 1 else f"{one.tries} tries"
    return f"right ({tries})" if one.passed else f"not yet ({tries})" if one.tries else "open"
