"""What a method must keep to: checks of its parts and of what it returns, each told in one sentence that names it."""

import warnings
from inspect import signature

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from . import distributed
from .errors import InputError
from .log import NOT_LOSSES
from .models.norms import keeping_norms
from .plain import is_plain


def called(method) -> str:
    """Return a method's name; that of its class where it is not registered."""
    return getattr(method, "name", type(method).__name__)


def check_parts(method, before):
    """Raise InputError for parts that `setup` made, or that torch does not see: a loaded run would lack them.

    Args:
        before: names of the method's weights before `setup`.
    """
    if made := [name for name in method.state_dict() if name not in before]:
        raise InputError(f"{method.name}: setup made {made[0]}, without which a finished run cannot be loaded; "
                         "expected parts made in __init__, and what depends on the faces in self.memory")
    seen = set(map(id, method.parameters()))
    for module in method.modules():
        for name, value in vars(module).items():
            hidden = not name.startswith("_") and any(id(p) not in seen for p in _trained(value))
            if hidden:
                raise InputError(f"{method.name}: {name} is a {type(value).__name__} with weights that torch does not "
                                 "see there, so they would be neither trained nor saved; expected nn.ModuleList([…]), "
                                 "nn.ModuleDict({…}) or nn.Parameter(…)")


def _trained(value):
    """Return the weights in a value that ask for a gradient, in whatever lists and dictionaries."""
    if isinstance(value, Tensor):
        return [value] if value.requires_grad and value.is_leaf else []
    if isinstance(value, nn.Module):
        return [p for p in value.parameters() if p.requires_grad]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [p for one in inner for p in _trained(one)]


def check_labels(method, count, where):
    """Raise InputError unless `memory["labels"]` are class numbers, or shares, of each of `count` faces; waits once.

    Args:
        where: what has just changed them, such as `setup`.
    """
    if "labels" not in method.needs:
        return
    labels = method.memory.get("labels")
    if labels is None:
        raise InputError(f"{method.name}: {where} left no memory['labels'], from which a batch takes the labels in "
                         "use; call super().setup(faces, target) in setup, or leave 'labels' out of needs")
    if isinstance(labels, Tensor) and labels.is_floating_point() and labels.shape == (count, len(method.classes)):
        return                                               # shares of classes, which cross-entropy takes as well
    if not isinstance(labels, Tensor) or labels.shape != (count,) or labels.dtype != torch.int64:
        said = f"{labels.dtype} {list(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
        raise InputError(f"{method.name}: {where} left memory['labels'] as {said} for {count} faces; expected one "
                         f"class number a face, torch.int64 [{count}]")
    if labels.device.type != method.device.type:
        raise InputError(f"{method.name}: {where} left memory['labels'] on {labels.device}; expected it on "
                         "self.device")
    least, most = torch.stack(labels.aminmax()).tolist()
    if least < 0 or most >= len(method.classes):
        raise InputError(f"{method.name}: {where} left memory['labels'] from {least} to {most}; expected 0 to "
                         f"{len(method.classes) - 1}; a face that is not to be learnt gets the weight 0 in forward")


def check_optimisers(method, given):
    """Return the optimisers as a list; raise InputError unless each that is to be trained has one, which can step."""
    several = hasattr(given, "__iter__")
    given = list(given) if several else given
    if not several or not given or not all(isinstance(o, torch.optim.Optimizer) for o in given):
        said = f"{len(given)} things" if several else f"one {type(given).__name__}"
        raise InputError(f"{method.name}: optimisers returned {said}; expected a list of at least one torch optimiser")
    held = [id(p) for optimiser in given for group in optimiser.param_groups for p in group["params"]]
    known = set(held)
    if len(held) > len(known):
        raise InputError(f"{method.name}: a parameter is in two optimisers and would move twice in a step; expected "
                         "each in one, such as make_optimiser(nn.ModuleList([self.backbone, self.head]), lr, "
                         "self.hyper) for all but the centres")
    if forgotten := [name for name, p in method.named_parameters() if p.requires_grad and id(p) not in known]:
        raise InputError(f"{method.name}: {forgotten[0]} is in no optimiser and would never move; expected it in one "
                         "of those that optimisers returns, or requires_grad_(False) in __init__ if it is to stay")
    for optimiser in given:
        try:
            signature(optimiser.step).bind()
        except TypeError as error:
            raise InputError(f"{method.name}: step of {type(optimiser).__name__} is {error}, which the loop does not "
                             "give; expected an optimiser whose step() needs nothing, such as AdamW or SGD") from None
    return given


def check_losses(method, losses):
    """Raise InputError unless a step's losses are what the log and the backward pass can take."""
    if not isinstance(losses, dict) or "total" not in losses:
        said = f"a dict of {', '.join(losses)}" if isinstance(losses, dict) else f"a {type(losses).__name__}"
        raise InputError(f"{method.name}: forward returned {said}; expected a dict of losses with 'total' among them")
    for name, value in losses.items():
        if not isinstance(value, Tensor) or value.ndim:
            said = f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise InputError(f"{method.name}: the loss {name!r} is {said}; expected a tensor of no dimension, such as "
                             "loss.mean()")
        if name in NOT_LOSSES:
            raise InputError(f"{method.name}: a loss is called {name!r}, which the log says of every step; expected "
                             "another name")
    if not losses["total"].requires_grad:
        raise InputError(f"{method.name}: the loss 'total' depends on no weight; was it detached, or computed under "
                         "torch.no_grad?")


def check_seen(method, seen, what, count):
    """Raise InputError unless `see` gave all that was asked for, a row a face, and an answer for each class."""
    if not isinstance(seen, dict):
        raise InputError(f"{called(method)}: see returned a {type(seen).__name__}; expected a dict of tensors, such as "
                         "embedding and logits")
    for name in what:
        if name not in seen:
            raise InputError(f"{called(method)}: see returned {', '.join(seen)}; {name!r} was asked for")
        value = seen[name]
        if not isinstance(value, Tensor) or not value.ndim or len(value) != count:
            said = f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise InputError(f"{called(method)}: see returned {name!r} {said} for {count} faces; expected a row a face")
    if "logits" in what:
        _check_width(method, seen["logits"])


def _check_width(method, logits):
    tells = getattr(method, "regresses", False)
    wanted = 2 if tells else len(method.classes)
    if logits.ndim != 2 or logits.shape[1] != wanted:
        meant = "valence and arousal" if tells else ("a logit for each class; a method that tells valence and arousal "
                                                     "sets self.regresses = True")
        raise InputError(f"{called(method)}: decide returned {tuple(logits.shape)}; expected ({len(logits)}, {wanted})"
                         f", {meant}")


def check_buffers(method, when):
    """Raise InputError if a buffer differs from process to process: the first one's is saved, the others' are lost.

    Those of norms are left out, because the loop has just averaged them.
    """
    if distributed.world() == 1:
        return
    shared = {id(value) for norm in keeping_norms(method) for value in norm.buffers(recurse=False)}
    saved = method.state_dict().keys()
    buffers = {name: value for name, value in method.named_buffers()
               if name in saved and id(value) not in shared and value.numel()}
    apart = [name for name, same in zip(buffers, distributed.alike(list(buffers.values()))) if not same]
    if apart:
        raise InputError(f"{method.name}: the buffer {apart[0]} differs between processes after {when}, and only that "
                         "of the first is saved; change it by what distributed.gather or distributed.mean returns")


def check_memory(method, when):
    """Warn of the first thing in `memory` that differs from process to process, as `check_buffers` refuses it.

    It only warns: where labels follow from sums that GPUs round each in its own way, one face may differ by chance.
    """
    if distributed.world() == 1:
        return
    memory = dict(sorted(method.memory.items()))
    told = distributed.everyones({name: _kind(value) for name, value in memory.items()})
    apart = [name for name in sorted(set().union(*told)) if any(one.get(name) != told[0].get(name) for one in told)]
    tensors = {name: value.to(method.device) for name, value in memory.items()
               if isinstance(value, Tensor) and value.numel() and name not in apart}
    apart += [name for name, same in zip(tensors, distributed.alike(list(tensors.values()))) if not same]
    if apart and distributed.rank() == 0:
        warnings.warn(f"{method.name}: memory[{apart[0]!r}] differs between processes after {when}, and only that of "
                      "the first is saved; change it in start_epoch, or by what distributed.gather returns",
                      stacklevel=2)


def _kind(value):
    """Return what must be alike before two values can be compared number by number; of plain values, all of it."""
    if isinstance(value, Tensor):
        return f"{value.dtype} {list(value.shape)}"
    return repr(value) if is_plain(value) else type(value).__name__


def check_scale(method, scaler, when):
    """Raise InputError if fp16 has left out step after step: a gradient that is never finite moves nothing."""
    if scaler.is_enabled() and scaler.get_scale() < 1:                    # from 2 ** 16, every such step halves it
        raise InputError(f"{called(method)}: until {when} more than sixteen steps were left out, because a gradient "
                         "was not finite in fp16, such as that of sqrt or norm at 0; add a small number there, or "
                         "train with precision fp32, which says where it is")


@torch.no_grad()
def check_weights(method, when):
    """Raise InputError if a weight, or a figure of batch norm, is no number: a finite loss may have a gradient of none.

    Args:
        when: such as `step 20`.
    """
    weights = dict(method.named_parameters())
    weights |= {f"{part}.{name}": value for part, module in method.named_modules() if isinstance(module, _NormBase)
                for name, value in module.named_buffers() if value.is_floating_point()}
    fine = torch.stack([value.isfinite().all() for value in weights.values()])
    if not fine.all():                                                    # the only wait for the device
        name = next(name for name, good in zip(weights, fine.tolist()) if not good)
        raise InputError(f"{method.name}: the weights {name} are not finite after {when}, though the loss was; a "
                         "gradient was not, such as that of sqrt or norm at 0: add a small number there")
