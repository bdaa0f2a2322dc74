"""CUDA's half precision on a CPU: products take and give halves and add in float32, as tensor cores do.

The CPU's own autocast has another list of what stays in float32, and its convolutions in fp16 are slow.
"""

import torch
from torch.overrides import TorchFunctionMode

# What CUDA's autocast computes in float32: https://docs.pytorch.org/docs/stable/amp.html
WIDE = {"__pow__", "binary_cross_entropy_with_logits", "cdist", "cosine_similarity", "cross_entropy", "cumsum", "exp",
        "expm1", "group_norm", "kl_div", "l1_loss", "layer_norm", "log", "log1p", "log_softmax", "mse_loss", "nll_loss",
        "norm", "normalize", "pow", "prod", "reciprocal", "rsqrt", "smooth_l1_loss", "softmax", "softplus", "sum"}
PRODUCTS = {"conv2d", "linear", "matmul", "__matmul__", "mm", "bmm"}
HALVES = (torch.float16, torch.bfloat16)


class _Rounded(torch.autograd.Function):
    """A number as a half holds it, in float32; so is its gradient."""

    @staticmethod
    def forward(ctx, values, kind):
        ctx.kind = kind
        return values.to(kind).float()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.to(ctx.kind).to(gradient.dtype), None


class LikeCuda(TorchFunctionMode):
    """Within it, and where autocast is on, functions compute as CUDA's autocast would."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, getattr(function, "__name__", "")
        if not torch.is_autocast_enabled("cpu"):
            return function(*args, **kwargs)
        kind = torch.get_autocast_dtype("cpu")
        if name in PRODUCTS:
            args, kwargs = _each(lambda one: _Rounded.apply(one.float(), kind), args, kwargs)
            with torch.autocast("cpu", enabled=False):
                return function(*args, **kwargs).to(kind)
        if name in WIDE:
            args, kwargs = _each(torch.Tensor.float, args, kwargs)
            with torch.autocast("cpu", enabled=False):
                return function(*args, **kwargs)
        return function(*args, **kwargs)


def _each(change, args, kwargs):
    """Return arguments of which tensors of floating numbers are changed."""
    changed = lambda one: change(one) if isinstance(one, torch.Tensor) and one.is_floating_point() else one    # noqa: E731
    return [changed(one) for one in args], {name: changed(one) for name, one in kwargs.items()}
