"""What a method is: the small interface that the training loop, evaluation and pictures rely on."""

import re
from contextlib import nullcontext
from dataclasses import dataclass, field
from inspect import get_annotations
from numbers import Real

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import augment
from ..contract import called
from ..errors import InputError
from ..models.backbone import backbone
from ..typed import typed

_METHODS: dict[str, type] = {}


@dataclass(frozen=True)
class Batch:
    """One step's faces.

    Attributes:
        index: int64 [B] rows 0 … N - 1 of this training set: the key of every per-sample state.
        views: float32 [V, B, 3, H, W] augmented and normalised.
        labels: int64 [B] from `method.memory`; None where the method needs none.
        extra: what else `needs` names, such as `valence_arousal`, one row a face, as the set has it: landmarks are not
            moved with the views (see `augment.move_points`).
        target: the second domain, which never carries labels.
    """

    index: Tensor
    views: Tensor
    labels: Tensor | None = None
    extra: dict[str, Tensor] = field(default_factory=dict)
    target: "Batch | None" = None


OPTIMISERS = ("adamw", "sgd")
TASKS = ("classes", "valence_arousal")


def within(hyper, **ranges):
    """Raise InputError for the first hyper-parameter outside its range (low, high), both ends included."""
    for name, (low, high) in ranges.items():
        value = getattr(hyper, name)
        if not (isinstance(value, Real) and low <= value <= high):
            raise InputError(f"hyper-parameter {name} is {value}; expected {low:g} to {high:g}")


def one_of(hyper, **choices):
    """Raise InputError for the first hyper-parameter that is none of its choices."""
    for name, words in choices.items():
        if getattr(hyper, name) not in words:
            raise InputError(f"hyper-parameter {name} is {getattr(hyper, name)!r}; expected one of {', '.join(words)}")


@dataclass
class Hyper:
    """What every method can be told; a method adds fields of its own.

    Attributes:
        backbone, weights, pretrained: see `models.backbone`.
        grey: let the backbone see no colour.
        optimiser: `adamw` or `sgd` (with Nesterov momentum); momentum: of `sgd`.
        weight_decay: for matrices and kernels; biases and norms have none.
        warmup: share of the steps in which the learning rate climbs.
        clip: largest gradient norm of an optimiser; 0 clips nothing.
        ema: decay of the averaged weights that `look` and the finished method use; 0 averages nothing.
    """

    backbone: str = "lesson"
    weights: str | None = None
    pretrained: bool = False
    grey: bool = False
    optimiser: str = "adamw"
    weight_decay: float = 0.05
    momentum: float = 0.9
    warmup: float = 0.05
    clip: float = 5.0
    ema: float = 0.0


class Method(nn.Module):
    """A way to learn a representation of faces; subclasses read like their paper.

    Subclasses set `views`, `needs` and `Hyper`, build their parts in `__init__`, and write `forward`.
    Whatever `start_epoch` decides belongs in `memory`, which checkpoints keep, exported weights do not.

    So that several processes train like one, and a resume like no stop: `memory` may change in `start_epoch`, or in
    `after_step` on gathered rows, alike in every process, and so may buffers; and every parameter that is trained has
    a part in every step (a loss that is not wanted yet is multiplied by 0, not left out), or DistributedDataParallel
    stops.

    Attributes:
        views: one augmentation preset for each view of a batch.
        needs: columns of the FaceSet that a batch carries; `labels` come from `memory["labels"]`.
        target_views: presets for the second domain's views; empty where there is none.
        memory: per-sample and other state outside the weights: tensors or plain values by name.
        regresses: whether `decide` returns valence and arousal; it is scored and drawn as that.
    """

    views: tuple = ("weak",)
    needs: tuple[str, ...] = ("labels",)
    target_views: tuple = ()
    regresses: bool = False
    Hyper = Hyper

    def __init__(self, classes, size, hyper):
        super().__init__()
        within(hyper, weight_decay=(0, 1), momentum=(0, 1), warmup=(0, 1), clip=(0, 1e9), ema=(0, 0.99999))
        one_of(hyper, optimiser=OPTIMISERS)
        self.classes, self.size, self.hyper = tuple(classes), size, hyper
        self.memory: dict = {}
        self.backbone = backbone(hyper.backbone, hyper.weights, hyper.pretrained, size, hyper.grey)

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return next(self.parameters()).device

    def setup(self, faces, target=None):
        """Allocate `memory` for a training set; called once before training, and before a resume."""
        self.memory = {"labels": faces.labels.to(self.device).clone()}
        if self.regresses:
            self.memory["valence_arousal"] = faces.valence_arousal.to(self.device)

    def start_epoch(self, epoch: int, look) -> dict:
        """Look at the whole set and change `memory`; return facts for the log. See `look.Look`."""
        return {}

    def forward(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """Return scalar losses: `total` and its named parts; progress runs from 0 to 1 over the training."""
        raise NotImplementedError

    def optimisers(self, lr: float) -> list[torch.optim.Optimizer]:
        """Return the optimisers, each trained parameter in one; a group with `constant=True` keeps its rate all along.

        Parts with an optimiser of their own stay out of the other: `make_optimiser(nn.ModuleList([…]), lr, self.hyper)`
        takes the rest. On CUDA say `fused=self.device.type == "cuda"` to one of torch, or in half precision each step
        waits for the device.
        """
        return [make_optimiser(self, lr, self.hyper)]

    def after_step(self):
        """Do what follows each step: moving averages, queues."""

    def finish(self, look):
        """Do what follows the last step, such as a linear probe on what `look` sees; the weights are final."""

    def embed(self, images: Tensor) -> Tensor:
        """Return features [B, D] of uint8 images [B, 3, H, W], with a gradient where torch keeps one.

        Of a whole set, in chunks and without gradients, at the size that this network is made for:
        `fercourse.evaluate.seen(method, faces)`.

        Raises:
            InputError: images that `predict` refuses.
        """
        _check_images(self, images)
        return self.backbone.features(augment.normalise(images))

    def seen_as(self, domain: str):
        """Return a context in which faces are taken to be of the `source` or the `target`; here it changes nothing."""
        return nullcontext()

    def maps(self, images: Tensor) -> Tensor:
        """Return the backbone's last feature maps [B, C, h, w] of uint8 images."""
        return self.backbone.maps(augment.normalise(images))

    def embed_maps(self, maps: Tensor) -> Tensor:
        """Return what `embed` makes of such maps, [B, D]; override it together with `embed`."""
        return self.backbone.pool(maps)

    def decide(self, features: Tensor) -> Tensor:
        """Return logits [B, C], or valence and arousal [B, 2] where `regresses` is True, of features."""
        raise NotImplementedError

    def predict(self, images: Tensor) -> Tensor:
        """Return logits [B, C], or valence and arousal [B, 2], of uint8 images [B, 3, H, W].

        Of a whole set: `fercourse.evaluate.seen(method, faces)["logits"]`.

        Raises:
            InputError: images that are not uint8, such as numbers from 0 to 1, which would look black; one image
                without the dimension of the batch.
        """
        _check_images(self, images)
        return self.decide(self.embed(images))

    def see(self, images: Tensor) -> dict[str, Tensor]:
        """Return everything worth gathering about uint8 images in one pass: at least these two."""
        features = self.embed(images)
        return {"embedding": features, "logits": self.decide(features)}

    def sample_losses(self, logits: Tensor, index: Tensor) -> Tensor:
        """Return the loss [B] of each face on its own, under the labels (or valence and arousal) in use."""
        if self.regresses:
            return (logits - self.memory["valence_arousal"][index]).square().mean(1)
        return F.cross_entropy(logits, self.memory["labels"][index], reduction="none")


class TaskMethod(Method):
    """A method that learns classes, or valence and arousal, as `hyper.task` says, and reads them off by `head`."""

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        one_of(hyper, task=TASKS)
        self.regresses = hyper.task == "valence_arousal"
        self.needs = ("valence_arousal",) if self.regresses else ("labels",)

    def decide(self, features):
        predicted = self.head(features)
        if not self.regresses:
            return predicted
        return predicted.float().tanh()                      # in half precision tanh is flat far too soon


def _check_images(method, images):
    if images.ndim != 4:
        raise InputError(f"{called(method)}: images have the shape {list(images.shape)}; expected [B, 3, H, W], of "
                         "one image image[None]")
    if images.dtype != torch.uint8:
        raise InputError(f"{called(method)}: images are {images.dtype}; expected uint8 from 0 to 255, such as "
                         "(255 * images).round().byte()")


def make_optimiser(module: nn.Module, lr: float, hyper) -> torch.optim.Optimizer:
    """Return AdamW or SGD over the trainable parameters; biases and norms are not decayed.

    Raises:
        InputError: what is given is no module, or nothing in it is trained.
    """
    one_of(hyper, optimiser=OPTIMISERS)
    if not isinstance(module, nn.Module):
        raise InputError(f"make_optimiser was given a {type(module).__name__}; expected a module, such as self.head or "
                         "nn.ModuleList([self.backbone, self.head])")
    trained = [p for p in module.parameters() if p.requires_grad]
    if not trained:
        raise InputError(f"make_optimiser was given a {type(module).__name__} in which nothing is trained "
                         "(requires_grad is False everywhere); leave it out of optimisers")
    groups = [{"params": [p for p in trained if p.ndim > 1], "weight_decay": hyper.weight_decay},
              {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0}]
    fused = trained[0].is_cuda               # in fp16 others make the host wait: is each gradient finite?
    if hyper.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr, fused=fused)
    fused &= hyper.momentum == 0             # torch's fused momentum starts as any numbers where fp16 skips a step
    return torch.optim.SGD(groups, lr, momentum=hyper.momentum, nesterov=hyper.momentum > 0, fused=fused)


def register(name: str):
    """Make a method known by the name that the command line uses.

    Raises:
        InputError: the name is another method's; the same class, defined again, replaces itself. Or it is no name that
            folders can have, or what it stands above is no Method.
    """
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w .+-]*", name):
        raise InputError(f"the name of a method is {name!r}; expected letters, digits, - and the like, such as "
                         "my-method, because runs are called by it")

    def keep(cls):
        if not (isinstance(cls, type) and issubclass(cls, Method)):
            raise InputError(f"method {name!r} is {cls!r}; expected a class made from fercourse.methods.Method")
        _check_hyper(name, cls.Hyper)
        known = _METHODS.get(name, cls)
        again = known.__qualname__ == cls.__qualname__ or cls.__module__ == "__main__"      # a notebook may rename it
        if known.__module__ != cls.__module__ or not again:
            raise InputError(f"method {name!r} is there already ({known.__module__}.{known.__qualname__}); "
                             f"register {cls.__qualname__} under another name")
        _METHODS[name] = cls
        cls.name = name
        return cls
    return keep


def _check_hyper(method, hyper):
    """Raise InputError unless hyper-parameters are a dataclass: without the decorator its fields would be forgotten."""
    fits = isinstance(hyper, type) and issubclass(hyper, Hyper)
    if not fits or (get_annotations(hyper) and "__dataclass_fields__" not in vars(hyper)):
        raise InputError(f"method {method!r}: its Hyper is {getattr(hyper, '__name__', repr(hyper))}; expected a "
                         "dataclass made from fercourse.methods.Hyper: @dataclass above class …(Hyper)")
    for name, value in vars(hyper).items():
        plain = isinstance(value, (bool, int, float, str, tuple)) and not name.startswith("_")
        if plain and name not in get_annotations(hyper):
            raise InputError(f"method {method!r}: {name} of {hyper.__name__} has no type and would be no "
                             f"hyper-parameter; write {name}: {type(value).__name__} = {value!r}, with @dataclass "
                             "above the class")


def method_class(name: str) -> type:
    """Return the class registered under a name.

    Raises:
        InputError: there is none.
    """
    if name not in _METHODS:
        raise InputError(f"method {name!r} is unknown; expected one of {', '.join(sorted(_METHODS))}; "
                         "a file of your own is made known by fercourse --use FILE")
    return _METHODS[name]


def registry() -> dict[str, type]:
    """Return all methods, name -> class; what is added to it stays."""
    return _METHODS


def registered(cls) -> bool:
    """Return whether a class is a method that has a name."""
    return cls in _METHODS.values()


def create(name: str, faces, /, **hyper) -> Method:
    """Build a method for faces like these: their classes and their size.

    Args:
        hyper: fields of the method's `Hyper`; text is read as the field's type (`clip="0.1"`, `scales="0.5,1"`).

    Raises:
        InputError: an unknown method or hyper-parameter, a value that it cannot have, a backbone, weights or an
            engine that are not there, or pictures that are not square.
    """
    cls = method_class(name)
    height, width = faces.images.shape[-2:]
    if height != width:
        raise InputError(f"{name}: the faces are {height}x{width} pixels; expected square ones, such as "
                         f"faces.resize({max(height, width)})")
    return cls(faces.classes, faces.images.shape[-1], cls.Hyper(**typed(cls, hyper)))
