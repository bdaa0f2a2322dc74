"""What a training refuses, in one sentence each: before the work where it can be known, else at the first step."""

import math
from contextlib import contextmanager
from inspect import signature

from .errors import InputError
from .look import see_all
from .methods.base import Method, registered


def check_fit(method, faces, target, epochs, lr):
    """Raise InputError for a method, faces, a target, epochs or a rate that cannot be trained with."""
    _check_class(type(method))
    _check_views(method)
    if not isinstance(epochs, int) or epochs < 1:
        raise InputError(f"epochs is {epochs!r}; expected a whole number of at least 1")
    if isinstance(lr, str) or not 0 < lr < math.inf:
        raise InputError(f"lr is {lr}; expected a number above 0, such as 2e-3")
    if faces.classes != method.classes:
        raise InputError(f"{faces.name} numbers its classes {', '.join(faces.classes)}, but the method was made for "
                         f"{', '.join(method.classes)}; use faces.with_classes(method.classes)")
    for given in (faces, target):
        if given is not None and given.images.shape[-1] != method.size:
            raise InputError(f"{given.name} has faces of {given.images.shape[-1]} px, but the method was made for "
                             f"{method.size} px; use faces.resize({method.size})")
    if (target is None) == bool(method.target_views):
        raise InputError(f"{method.name} needs a target domain; name one with --target, or target= in fit"
                         if target is None else
                         f"{method.name} has no use for a target domain; leave out --target, or target=")


def _check_views(method):
    """Raise InputError for a word where a tuple of words belongs, and for a method that looks at nothing."""
    for name in ("views", "needs", "target_views"):
        given = getattr(method, name)
        if isinstance(given, str) or not hasattr(given, "__iter__"):
            such = (given if isinstance(given, str) else "labels" if name == "needs" else "weak",)
            raise InputError(f"{method.name}: {name} is {given!r}; expected a tuple, such as {such}, which the comma "
                             "makes")
    if not method.views:
        raise InputError(f"{method.name}: views is empty; expected a preset for each view, such as ('weak',)")


def _check_class(cls):
    """Raise InputError for a class whose training would end in nothing that can be saved, or asked."""
    if not hasattr(cls, "name"):
        raise InputError(f'{cls.__name__} has no name; put @register("name") above its class')
    if registered(cls) and cls.decide is Method.decide:
        raise InputError(f"{cls.name}: {cls.__name__} has no decide of its own; write decide(self, features), which "
                         "returns logits")
    if cls.forward is Method.forward:
        raise InputError(f"{cls.name}: {cls.__name__} has no forward of its own; write forward(self, batch, progress), "
                         "which returns losses")
    for name, given in (("setup", ("faces", "target")), ("start_epoch", ("epoch", "look")), ("optimisers", ("lr",)),
                        ("forward", ("batch", "progress")), ("finish", ("look",)), ("after_step", ()),
                        ("decide", ("features",))):
        try:
            signature(getattr(cls, name)).bind("self", *given)
        except TypeError as error:
            raise InputError(f"{cls.name}: {name} cannot be called with {' and '.join(given) or 'nothing'} ({error}); "
                             f"expected {name}({', '.join(('self', *given))})") from None


def check_answers(method, faces):
    """Look at two faces, so that answers which could not be scored are told before the training, not after it."""
    if registered(type(method)):                             # others, such as a part that is timed, are never asked
        see_all(method, faces.images[:2])


_TORCH_SAYS = {"Expected more than 1 value per channel":
           "a step sees one face, which batch normalisation cannot take; expected a batch size of at least 2 for each "
           "process",
           "Expected to have finished reduction":
           "a parameter had no part in the step before, which several processes cannot take; expected every parameter "
           "in every step, a loss that is not wanted yet times 0",
           "Expected 3D (unbatched) or 4D (batched) input to conv":
           "a network got images that are not [B, 3, H, W]; expected one view, batch.views[0], or all of them one "
           "after another, batch.views.flatten(0, 1)"}


@contextmanager
def explain_torch_errors(method):
    """Say in one sentence of ours what torch says of a step that it cannot take."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        for start, sentence in _TORCH_SAYS.items():
            if str(error).startswith(start):
                raise InputError(f"{method.name}: {sentence}") from error
        raise
    except (AttributeError, TypeError) as error:
        if "NoneType" in str(error) and not ("labels" in method.needs and method.target_views):
            raise InputError(f"{method.name}: forward met None ({error}); batch.labels is None unless needs names "
                             "'labels', and batch.target unless target_views names presets") from error
        raise
    except IndexError as error:
        count = len(method.views)
        if str(error) == f"index {count} is out of bounds for dimension 0 with size {count}":
            raise InputError(f"{method.name}: {error}; where it is batch.views[{count}], views names too few presets: "
                             f"{method.views!r}") from error
        raise
