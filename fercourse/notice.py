"""A notice to stop, as a cluster sends before it takes a machine away: the training saves after the step that runs.

A notice is SIGTERM or SIGUSR1. Where one is ignored, or handled by somebody else already, that stays so.
"""

import logging
import os
import signal
import threading
from contextlib import contextmanager

from . import distributed

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]   # Windows has only one

log = logging.getLogger("fercourse")


class Stopped(SystemExit):
    """The end of a training that a notice stopped and that is saved; Python leaves with 128 + the signal's number."""


class Notice:
    """Whether a notice came; `number` is its signal's, 0 where none came.

    Several processes get theirs at moments of their own, but must stop after the same step. They ask each other only
    where they wait for each other anyhow, because the log is read: so no step waits for a process or the device.
    """

    def __init__(self, device, wanted=True):
        self.device, self.wanted, self.number = device, wanted, 0

    def came(self, meeting: bool) -> bool:
        """Return whether to stop now; `meeting`: whether all processes wait for each other after this step anyhow."""
        alone = distributed.world() == 1
        if not self.wanted or not (alone or meeting):
            return False
        self.number = self.number if alone else distributed.largest(self.number, self.device)
        return self.number > 0

    def stop(self, done: int, per_epoch: int):
        """Leave a training that is saved after `done` steps, so many of them an epoch."""
        epoch, step = divmod(done - 1, per_epoch)
        if distributed.rank() == 0:
            log.warning("stopped by a notice after step %d of epoch %d; go on with --resume (in Python resume=True)",
                        step + 1, epoch + 1)
        raise Stopped(128 + self.number)


@contextmanager
def stop_signals(device, wanted=True):
    """Yield the `Notice` that hears signals within the block, in the main thread; one that none asked for is passed on.

    So what comes after the last step, and finds everything saved, ends the process as it would have without us.
    """
    notice, process = Notice(device, wanted), os.getpid()

    def hear(number, frame):
        notice.number = int(number)
        if os.getpid() != process:                       # a child that was forked meanwhile ends as ever
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    here = wanted and threading.current_thread() is threading.main_thread()
    ours = [number for number in SIGNALS if here and signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, hear)
    try:
        yield notice
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
    if notice.number:
        signal.raise_signal(notice.number)
