"""A training in a process of its own that may be killed: `python -m tests.killed OUT [step N | notice N | save N]`."""

import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn

from fercourse import fit
from fercourse.methods import register
from fercourse.methods.baseline import Baseline
from tests.toy import STILL, toy_faces, toy_method


@register("forgetful")
class Forgetful(Baseline):
    """A baseline in which everything matters that a resume could lose: dropout, labels and counts in memory."""

    views = STILL

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        self.head = nn.Sequential(nn.Dropout(0.3), self.head)

    def setup(self, faces, target=None):
        super().setup(faces, target)
        self.memory |= {"starts": 0, "steps": torch.zeros(1)}

    def start_epoch(self, epoch, look):
        guess = look("logits").argmax(1)
        self.memory["starts"] += 1
        changed = torch.randperm(len(guess))[:6]
        self.memory["labels"][changed] = guess[changed]
        return {"starts": self.memory["starts"]}

    def optimisers(self, lr):
        backbone, head = list(self.backbone.parameters()), list(self.head.parameters())
        return [torch.optim.AdamW(backbone, lr), torch.optim.SGD(head, lr * 10, momentum=0.9)]

    def after_step(self):
        self.memory["steps"] += 1
        ends = {"step": "SIGKILL", "notice": "SIGTERM"}
        if sys.argv[2:] and sys.argv[2] in ends and self.memory["steps"] == int(sys.argv[3]):
            os.kill(os.getpid(), getattr(signal, ends[sys.argv[2]]))


def die_while_saving(count):
    """Let the process die when half of checkpoint number `count` is written."""
    saved, write = [], Path.write_bytes

    def half(path, content):
        if path.name.startswith("checkpoint"):
            saved.append(path)
        if len(saved) == count:
            write(path, content[:len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(path, content)
    Path.write_bytes = half


def train(out, resume=True):
    """Train three epochs of five steps, saving after every third step and every epoch."""
    faces = toy_faces(40, 16)
    method = toy_method(faces, "forgetful", ema=0.9)
    return fit(method, faces, epochs=3, batch_size=8, out=out, resume=resume, save_every=3, quiet=True,
               device="cpu"), method


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[2:3] == ["save"]:
        die_while_saving(int(sys.argv[3]))
    train(sys.argv[1])
