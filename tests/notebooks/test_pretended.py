"""Every lesson runs where there is a GPU, as far as a pretended one can tell; half an hour, if asked for."""

import os
import subprocess
import sys

import pytest

from fercourse.course.notebooks import ROOT, sources

from .pretended import EPOCHS, FACES, smaller


@pytest.mark.skipif("FERCOURSE_GPU_LESSONS" not in os.environ, reason="half an hour; FERCOURSE_GPU_LESSONS=1 runs it")
@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_a_lesson_runs_on_a_gpu(source):
    command = [sys.executable, "-m", "tests.notebooks.pretended", str(source.with_suffix(".ipynb"))]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | {"TQDM_DISABLE": "1", "MPLBACKEND": "Agg"},
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


def test_a_lesson_asks_a_gpu_for_less():
    assert smaller('A, B = (48, 3000) if device.type == "cpu" else (64, 4500, 60, "resnet18")') == (
        f'A, B = (48, 3000) if device.type == "cpu" else (64, {FACES}, {EPOCHS}, "resnet18")')
    assert smaller("x = a else dict(faces=2700, backbone=1)") == f"x = a else dict(faces={FACES}, backbone=1)"
    assert smaller("no = 1 if few else (3, 4)") == "no = 1 if few else (3, 4)"
