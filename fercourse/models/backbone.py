"""Backbones: any network of timm by name, and a few narrow ones, behind one small interface."""

import logging
import pickle
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from ..augment import without_colour
from ..errors import InputError, brief
from .hub import patient_only_with_a_network

# Narrow, with a small deep stem and little stride: 0.7 M parameters and a map of 4 x 4 at 64 px, because
# masks, corners and Grad-CAM need more than 2 x 2. `lesson8` keeps 8 x 8 at about half the speed; `lesson-wide` has
# twice the width.
_LESSON = {"channels": (16, 32, 64, 128), "stem_type": "deep", "stem_width": 8}
# `fine18` is a ResNet-18 of half the width whose stem does not pool: twice as fine from the first block to the last.
_HALF = {"channels": (32, 64, 128, 256)}
NARROW = {"lesson": {**_LESSON, "output_stride": 16}, "lesson8": {**_LESSON, "output_stride": 8},
          "lesson-wide": {**_LESSON, **_HALF, "stem_width": 16, "output_stride": 16}, "fine18": _HALF}
_WRAPPERS = ("state_dict", "model", "model_state_dict", "ema")     # where files nest their tensors
_PREFIXES = ("module.", "encoder_q.", "model.", "backbone.", "encoder.", "trunk.", "net.")

log = logging.getLogger("fercourse")


class Backbone(nn.Module):
    """A timm network without its classifier.

    Attributes:
        width: D, the number of features.
        grey: whether colour is taken away from the images before they enter.
        report: one sentence on the weights that were loaded from a file; empty without one.
    """

    def __init__(self, trunk: nn.Module, grey: bool = False):
        super().__init__()
        self.trunk, self.grey, self.report = trunk, grey, ""
        self.width = getattr(trunk, "head_hidden_size", trunk.num_features)

    def features(self, images: Tensor) -> Tensor:
        """Return features [B, D] of normalised images [B, 3, H, W]."""
        return self.pool(self._enter(images))

    forward = features

    def maps(self, images: Tensor) -> Tensor:
        """Return the last feature maps [B, C, h, w]; the patch tokens of a transformer on their grid."""
        return self._on_grid(self._enter(images), images)

    def features_and_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return both, features [B, D] and maps [B, C, h, w], of one pass."""
        output = self._enter(images)
        return self.pool(output), self._on_grid(output, images)

    def _on_grid(self, output, images):
        if output.ndim == 3:
            patches = getattr(self.trunk, "patch_embed", None) or self.trunk.stem
            grid = patches.dynamic_feat_size(images.shape[-2:])
            skipped = getattr(self.trunk, "num_prefix_tokens", 0)    # class and register tokens
            output = output[:, skipped:].transpose(1, 2).unflatten(2, grid)
        elif output.shape[-1] == self.trunk.num_features != output.shape[1]:    # swin keeps the channels last
            output = output.permute(0, 3, 1, 2)
        return output

    def _enter(self, images):
        return self.trunk.forward_features(without_colour(images) if self.grey else images)

    def pool(self, maps: Tensor) -> Tensor:
        """Return features [B, D] of what `trunk.forward_features` gave, pooled as the network wants it."""
        return self.trunk.forward_head(maps, pre_logits=True)

    def compile_trunk(self):
        """Compile the network in place; the names of its weights stay."""
        self.trunk.forward_features = torch.compile(self.trunk.forward_features)


def backbone(name="lesson", weights=None, pretrained=False, size=None, grey=False, **options) -> Backbone:
    """Build a backbone for normalised images of three channels.

    Args:
        name: `lesson`, `lesson8`, `lesson-wide`, `fine18`, or any model of timm (`resnet18`,
            `vit_small_patch16_224`, …).
        weights: a safetensors or torch file with weights of this architecture, such as a face-pretrained one.
        pretrained: load timm's published weights; needs a network or a filled cache.
        size: side of the images in pixels; transformers need it where it is not their usual one.
        grey: take the colour away first, so that colour pictures look like those of a grey training set.
        options: passed to timm.

    Raises:
        InputError: an unknown name or size, weights that do not fit, or no network.
    """
    if weights is not None and pretrained:
        raise InputError("both a weights file and pretrained weights were asked for; choose one")
    if name in NARROW and pretrained:
        raise InputError(f"{name} has no published weights; choose a model of timm such as resnet18")
    trunk = _create(name, pretrained, size, options)
    if name == "fine18":
        trunk.maxpool = nn.Identity()
    built = Backbone(trunk, grey)
    if weights is not None:
        built.report = load_weights(built.trunk, weights)
        log.info(built.report)
    return built


def _create(name, pretrained, size, options):
    import timm
    base = "resnet18" if name in NARROW else name
    if not timm.is_model(base.split(".")[0]):
        close = ", ".join(timm.list_models(f"*{base.split('_')[0]}*")[:5])
        raise InputError(f"backbone {name!r} is unknown to timm {timm.__version__}; expected lesson, lesson8, "
                         f"lesson-wide, fine18, resnet18{', ' + close if close else ''} or a name of "
                         "timm.list_models()")
    tag = base.partition(".")[2]
    if tag and tag not in (known := [known.partition(".")[2] for known in timm.list_pretrained(base.split(".")[0])]):
        raise InputError(f"backbone {name!r}: timm {timm.__version__} has no weights {tag!r} of it; expected "
                         f"{', '.join(known) or 'no such ending'}, or {base.split('.')[0]} alone")
    options = {**NARROW.get(name, {}), **options, "num_classes": 0, "pretrained": pretrained}
    try:
        with patient_only_with_a_network() if pretrained else nullcontext():
            return _sized(timm.create_model, base, size, options)
    except Exception as error:                                       # every client library has its own kind
        if not pretrained or isinstance(error, InputError):
            raise
        raise InputError(f"pretrained weights of {name!r} cannot be fetched ({brief(error)}); "
                         "connect to a network, or give a local file with --weights") from error


def _sized(create, name, size, options):
    """Pass the image size to the networks that have one; convolutions take any."""
    try:
        return create(name, **options, **({"img_size": size} if size else {}))
    except TypeError as error:
        if "img_size" not in str(error):
            raise
        return create(name, **options)
    except AssertionError as error:
        raise InputError(f"backbone {name!r} cannot take images of {size} px: {error}") from error


def load_weights(module: nn.Module, path) -> str:
    """Copy every tensor of a file that fits by name and shape into the module; return one sentence about it.

    Raises:
        InputError: not a file of weights, a pickle that would run code, or nothing in it fits.
    """
    own = module.state_dict()
    given = {_own_name(key, own): tensor for key, tensor in read_tensors(path).items()}
    fitting = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
    missing, unused = sorted(own.keys() - fitting), sorted(given.keys() - fitting)
    if not any(k.endswith("weight") for k in fitting):
        raise InputError(f"{path}: none of its {len(given)} tensors fits the backbone ({_few(unused)}; "
                         f"expected {_few(missing)}); choose the backbone these weights were made for")
    module.load_state_dict(fitting, strict=False)
    return (f"{path}: loaded {len(fitting)} of {len(own)} tensors; "
            f"left at random: {_few(missing)}; not used from the file: {_few(unused)}")


def read_tensors(path) -> dict[str, Tensor]:
    """Read a dictionary of tensors from a safetensors or torch file, without running anything in it."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected weights as .safetensors or as a torch file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path}: holds more than tensors and is refused, because reading it could run "
                         "code; save its state_dict() or convert it to safetensors") from error
    except Exception as error:
        raise InputError(f"{path}: cannot be read as weights ({brief(error)})") from error
    content = content if isinstance(content, dict) else {}
    while nested := [content[k] for k in _WRAPPERS if isinstance(content.get(k), dict)]:
        content = nested[0]
    tensors = {k: v for k, v in content.items() if isinstance(v, Tensor)}
    if not tensors:
        raise InputError(f"{path}: holds no tensors by name; expected a state_dict")
    return tensors


@torch.no_grad()
def map_shape(network, size: int) -> tuple[int, int]:
    """Return (channels, stride) of a backbone's last map for images of `size` pixels; nothing is changed."""
    was_training = network.training
    maps = network.eval().maps(torch.zeros(1, 3, size, size, device=next(network.parameters()).device))
    network.train(was_training)
    return maps.shape[1], -(-size // maps.shape[2])


def _own_name(key, own):
    """Strip prefixes such as `module.` until the module knows the name."""
    while key not in own and (prefix := next((p for p in _PREFIXES if key.startswith(p)), None)):
        key = key.removeprefix(prefix)
    return key


def _few(names, count=3):
    names = list(names)
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more if names else "nothing"
