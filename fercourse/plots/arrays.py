"""What plots are given, as NumPy arrays."""

import numpy as np
import torch


def as_array(values, dtype=None) -> np.ndarray:
    """Return tensors of any device, lists of such, arrays, lists and numbers as an array."""
    if isinstance(values, (list, tuple)):
        values = [as_array(value) if isinstance(value, torch.Tensor) else value for value in values]
    elif isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = values.float() if values.dtype == torch.bfloat16 else values              # NumPy has none
    return np.asarray(values, dtype)
