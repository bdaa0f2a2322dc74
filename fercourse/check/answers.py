"""Reading answers: call a student's function on copies, and read what it returns without trusting it."""

import copy
import inspect
import math
import warnings
from contextlib import contextmanager
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from .base import WrongAnswer

STUBS = ("is not written yet", "write this")      # torch raises NotImplementedError as well, for 1 - mask


def call(function, *inputs, may_change: bool = False):
    """Return what a student's function makes of copies of the inputs.

    torch's random numbers start from seed 0 and are put back afterwards. Inputs in double precision are handed over in
    single precision, which is that of tensors that students make; a function that wants them as they are gets them.

    Args:
        may_change: the function is meant to write into its inputs; then it gets them, not copies.

    Raises:
        WrongAnswer: not a function, not written yet, another number of inputs, an error inside, inputs changed.
    """
    if not callable(function) or inspect.isclass(function):
        raise WrongAnswer(f"this wants the function itself, without parentheses, but got {_kind(function)}.")
    _accepts(function, inputs)
    return _made(function, inputs) if may_change else _in_single(_on_copies, function, inputs)


def trains(function, *inputs, learnt: dict[str, int], where: str = ""):
    """Refuse a loss whose value is right, but from which nothing can be learnt.

    Ask this after the value was found right. Where an answer has several numbers, the gradient is that of their sum.

    Args:
        learnt: name -> place of each input that the gradient must reach, such as `{"z": 0}`.
        where: what is special about these inputs, such as `"where views are quite sure"`.

    Raises:
        WrongAnswer: an error inside, no gradient at one of these inputs, or NaN or infinity in it.
    """
    with told_after(f"your value is right, but it cannot train{where and ' '}{where}"):
        slopes = dict(zip(learnt, _in_single(_slopes, function, inputs, list(learnt.values()))))
        bare = " and ".join(f"`{name}`" for name, slope in slopes.items() if slope is None)
        require(not bare, f"no gradient reaches {bare}. Stay with operations on tensors, without `.item()`, "
                          "`.detach()`, `torch.tensor(…)`, `no_grad` and numpy.")
        for name, slope in slopes.items():
            require(slope.isfinite().all(), f"the gradient of `{name}` is NaN or infinity. `torch.where` mends a value "
                                            "but not its gradient: avoid the logarithm of 0 and the division by 0.")


def _slopes(function, inputs, places):
    """Return the gradient of an answer at each of these inputs, None where it has none."""
    given = [copy.deepcopy(one) for one in inputs]
    for place in places:
        given[place] = given[place].detach().requires_grad_()
    with warnings.catch_warnings():                       # float() of what has a gradient: told below in our words
        warnings.simplefilter("ignore")
        try:
            total = _as_tensor(_made(function, given)).sum()
        except WrongAnswer as refused:
            if "requires grad" not in str(refused):       # numpy's refusal advises detach(), which would not train
                raise
            return [None] * len(places)
        if not total.requires_grad:
            return [None] * len(places)
        try:
            return torch.autograd.grad(total, [given[place] for place in places], allow_unused=True)
        except RuntimeError as error:
            raise WrongAnswer(f"its gradient stops with {type(error).__name__}: {_short(error)}") from None


@contextmanager
def told_after(words: str):
    """Begin the hint of whatever is refused inside with these words, such as "right, but at a share of 0"."""
    try:
        yield
    except WrongAnswer as wrong:
        raise WrongAnswer(f"{words}: {wrong}") from None


@contextmanager
def all_classes():
    """Add to what is refused for sizes that do not fit that not every class occurs among the labels."""
    try:
        yield
    except WrongAnswer as wrong:
        require("must match the size" not in str(wrong) and "broadcast" not in str(wrong),
                f"{str(wrong).rstrip('.')}. Not every class occurs here, so say how many there are: `F.one_hot` and "
                "`bincount` (its `minlength`) can be told.")
        raise


def _in_single(made, function, inputs, *more):
    """Call the function in single precision, or, if it stops for that, with the inputs as they are."""
    try:
        return made(function, _single(inputs), *more)
    except WrongAnswer as wrong:
        if "stops with" not in str(wrong) or "ouble" not in str(wrong):
            raise
        return made(function, inputs, *more)


def _on_copies(function, inputs):
    given = copy.deepcopy(inputs)
    answer = _made(function, given)
    if not same(given, inputs):
        raise WrongAnswer("your function changes its inputs. Work on a copy: `x = x.clone()`.")
    return answer


def _made(function, inputs):
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            return function(*inputs)
    except (Exception, SystemExit) as error:
        if isinstance(error, NotImplementedError) and (not str(error) or any(said in str(error) for said in STUBS)):
            raise WrongAnswer("it is not written yet: it raises NotImplementedError.") from None
        raise WrongAnswer(f"your function stops with {type(error).__name__}: {_short(error)}") from None


def _single(value):
    if isinstance(value, (list, tuple)):
        return type(value)(map(_single, value))
    if isinstance(value, dict):
        return {key: _single(one) for key, one in value.items()}
    return value.float() if isinstance(value, Tensor) and value.dtype == torch.float64 else value


def tensor(value, shape=None, what: str = "your function returns", dtype: str | None = None,
           finite: bool = True) -> Tensor:
    """Read an answer as a tensor: tensors, arrays, numbers, lists of numbers.

    Args:
        shape: expected one; None in it stands for any length.
        what: starts the sentence told when it is something else.
        dtype: `"bool"`, `"int"` or `"float"` where the kind matters; int64 and float64 are returned for the last two.
        finite: whether NaN and infinity are refused.

    Raises:
        WrongAnswer: None, something else, another shape or kind, NaN or infinity.
    """
    if value is None:
        raise WrongAnswer(f"{what} None. Is there a `return`, and is the value assigned?")
    if not isinstance(value, (Tensor, np.ndarray, np.generic, Real, list, tuple)) and not hasattr(value, "to_numpy"):
        raise WrongAnswer(f"{what} {_kind(value)}; expected numbers, such as a tensor.")
    try:
        found = _real(_as_tensor(value).detach().cpu())
        require(not found.is_complex(), f"{what} complex numbers; `torch.view_as_real` makes pairs of real numbers of "
                                        "them.")
        known = not found.is_floating_point() or bool(found.isfinite().all())
    except (TypeError, ValueError, RuntimeError):                         # NotImplementedError is a RuntimeError
        raise WrongAnswer(f"{what} {_kind(value)} that cannot be read as numbers.") from None
    if shape is not None and not _fits(found.shape, shape):
        raise WrongAnswer(f"{what} the shape {list(found.shape)}; expected {_sides(shape)}.")
    if finite and not known:
        raise WrongAnswer(f"{what} NaN or infinity. Is there a division by zero, a logarithm of zero, or an infinity "
                          "times 0?")
    return _of_kind(found, dtype, what)


def _as_tensor(value):
    if isinstance(value, (list, tuple)) and not all(isinstance(one, Real) for one in value):
        return torch.stack([_as_tensor(one) for one in value])
    value = value.to_numpy() if hasattr(value, "to_numpy") else value
    if isinstance(value, (np.ndarray, np.generic)):
        value = np.array(value, dtype=np.int64 if value.dtype.kind == "u" else None)      # writable, and whole in torch
    return torch.as_tensor(value)


def _real(found):
    """Return the real part of numbers whose imaginary part is only rounding; others as they are."""
    if not found.is_complex() or found.imag.abs().max() > 1e-6 * (1 + found.real.abs().max()):
        return found
    return found.real


def two(value, hint: str) -> list:
    """Read an answer as two values: a pair, a list, a tensor or an array of length 2; the hint says what is wanted."""
    held = isinstance(value, (tuple, list)) or (isinstance(value, (Tensor, np.ndarray)) and value.ndim > 0)
    require(held and len(value) == 2, hint)
    return list(value)


def number(value, what: str = "your answer is", low: float = -math.inf, high: float = math.inf,
           finite: bool = True) -> float:
    """Read an answer as one number between low and high; NaN and infinity are refused unless `finite` is False."""
    if isinstance(value, (bool, str)):
        raise WrongAnswer(f"{what} {_kind(value)}; expected a number.")
    found = tensor(value, what=what, finite=finite)
    if found.numel() != 1:
        raise WrongAnswer(f"{what} {found.numel()} numbers; expected one.")
    found = float(found)
    if math.isfinite(found) and not low <= found <= high:
        raise WrongAnswer(f"{what} {found:.4g}; it must lie between {low:g} and {high:g}.")
    return found


def expect(found, truth, mistakes=None, otherwise: str = "the value is not right.", tolerance: float = 1e-4):
    """Compare an answer with the truth; where it equals a typical mistake, say which.

    Args:
        found: number or tensor, read by the functions above.
        truth: what is right; never shown.
        mistakes: hint -> the value that this mistake gives.
        otherwise: the hint where no mistake is recognised.
        tolerance: absolute and relative.
    """
    if _close(found, truth, tolerance):
        return
    for hint, value in (mistakes or {}).items():
        if _close(found, value, tolerance):
            raise WrongAnswer(hint)
    raise WrongAnswer(otherwise)


def require(condition, hint: str):
    """Raise the hint unless the condition holds."""
    if not bool(condition):
        raise WrongAnswer(hint)


def same(one, other) -> bool:
    """Return whether two inputs are equal: tensors, arrays, sets of faces, containers and plain values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Tensor):
        return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if hasattr(one, "columns") and hasattr(one, "classes"):
        return same(one.columns(), other.columns())
    return True if isinstance(one, torch.nn.Module) or callable(one) else bool(one == other)


def generator(seed: int) -> torch.Generator:
    """Return random numbers that are the same in every session."""
    return torch.Generator().manual_seed(seed)


def _accepts(function, inputs):
    try:
        inspect.signature(function).bind(*inputs)
    except TypeError:
        count = len(inputs)
        raise WrongAnswer(f"your function must take {count} input{'s' * (count != 1)}; look at the line with `def`."
                          ) from None
    except ValueError:                                    # a built-in without a signature
        pass


def _of_kind(found, dtype, what):
    kinds = {"bool": found.dtype == torch.bool, "float": found.dtype != torch.bool,
             "int": not found.is_floating_point() and found.dtype != torch.bool}
    if dtype is not None and not kinds[dtype]:
        raise WrongAnswer(f"{what} {str(found.dtype).removeprefix('torch.')} values; expected {dtype}.")
    return {"float": found.double, "int": found.long}.get(dtype, lambda: found)()


def _close(found, truth, tolerance):
    found, truth = (torch.as_tensor(value).double() for value in (found, truth))
    return found.shape == truth.shape and torch.allclose(found, truth, rtol=tolerance, atol=tolerance)


def _fits(shape, wanted):
    return len(shape) == len(wanted) and all(b in (None, a) for a, b in zip(shape, wanted))


def _sides(shape):
    return f"[{', '.join('any' if side is None else str(side) for side in shape)}]"


def _kind(value):
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _short(error):
    text = " ".join(str(error).split()) or "no message"
    return text if len(text) <= 200 else text[:197] + "…"
