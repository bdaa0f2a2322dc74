"""Another process that has a lock, until it is killed."""

import subprocess
import sys
from contextlib import contextmanager

TAKE = "from fercourse.lock import take; lock = take(sys.argv[1])"


@contextmanager
def holding(*words, code=TAKE):
    """Run a program that takes a lock and say how to kill it; it is killed at the end of the block at the latest."""
    program = f"import sys\n{code}\nprint('ready', flush=True)\nsys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", program, *map(str, words)], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def kill():
        process.kill()
        process.wait()
    try:
        assert process.stdout.readline() == "ready\n"
        yield kill
    finally:
        kill()
        process.stdin.close()
        process.stdout.close()
