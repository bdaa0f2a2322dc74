"""A moving average of the weights, which often sees better than the weights of the last step."""

from contextlib import contextmanager

import torch


def follow(kept, values, decay: float):
    """Move kept tensors towards others, one by one; counters, which have no fractions, are copied."""
    for own, value in zip(kept, values):
        own.lerp_(value, 1 - decay) if own.is_floating_point() else own.copy_(value)


class Average:
    """The average of everything in `module.state_dict()`; decay 0 keeps none and costs nothing."""

    def __init__(self, module, decay: float):
        self.module, self.decay = module, decay
        self.kept = {k: v.detach().clone() for k, v in module.state_dict().items()} if decay else {}

    @torch.no_grad()
    def update(self, number: int):
        """Take in the weights after step `number`; young averages forget faster."""
        decay = min(self.decay, (1 + number) / (10 + number))
        state = self.module.state_dict() if self.kept else {}
        follow((self.kept[name] for name in state), state.values(), decay)

    @torch.no_grad()
    def install(self):
        """Put the average in the module's place."""
        for name, value in self.module.state_dict().items() if self.kept else ():
            value.copy_(self.kept[name])

    @contextmanager
    def installed(self):
        """Let the module work with the average for a while."""
        own = {k: v.clone() for k, v in self.module.state_dict().items()} if self.kept else {}
        self.install()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in self.module.state_dict().items() if own else ():
                    value.copy_(own[name])

    def state_dict(self):
        """Return what a checkpoint keeps."""
        return dict(self.kept)

    def load_state_dict(self, state):
        """Take over what a checkpoint kept."""
        for name, value in state.items():
            self.kept[name].copy_(value)
