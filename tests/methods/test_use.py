"""A sixth method is one file: it trains, is scored and is read again without another file being touched."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from fercourse import methods
from fercourse.errors import InputError

EXAMPLE = Path(__file__).parents[2] / "examples/margin_softmax.py"


def _fercourse(*words, folder):
    return subprocess.run([sys.executable, "-m", "fercourse", *map(str, words)], cwd=folder, capture_output=True,
                          text=True, timeout=300)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sixth")
    done = _fercourse("--use", EXAMPLE, "train", "margin-softmax", "--data", "synthfaces/lab", "--labels", "0.04",
                      "--epochs", "1", "--size", "32", "--set", "margin=0.3", "--out", folder / "run", "--json",
                      folder=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run", json.loads(done.stdout.splitlines()[-1])


def test_the_example_trains_from_the_command_line(run):
    folder, told = run
    assert told["method"] == "margin-softmax" and 0 < told["accuracy"] < 1
    assert json.loads((folder / "config.json").read_text())["hyper"]["margin"] == 0.3


def test_its_run_is_evaluated_where_the_file_is_named_and_refused_kindly_where_not(run):
    folder, _ = run
    words = "evaluate", folder, "--data", "synthfaces/lab", "--json"
    done = _fercourse("--use", EXAMPLE, *words, folder=folder.parent)
    assert 0 < json.loads(done.stdout.splitlines()[-1])["accuracy"] < 1
    refused = _fercourse(*words, folder=folder.parent)
    assert refused.returncode == 2 and "--use FILE" in refused.stderr and "Traceback" not in refused.stderr


def test_the_margin_lowers_the_own_class_only_and_without_it_is_a_softmax_of_cosines():
    methods.use(EXAMPLE)
    margin_logits = sys.modules["fercourse_use_margin_softmax"].margin_logits
    cosines, labels = torch.tensor([[0.5, -0.2], [0.1, 0.4]]), torch.tensor([0, 1])
    assert torch.allclose(margin_logits(cosines, labels, 0.2, 10), torch.tensor([[3.0, -2], [1, 2]]))
    assert torch.allclose(margin_logits(cosines, labels, 0, 10), 10 * cosines)
    losses = [F.cross_entropy(margin_logits(cosines, labels, m, 10), labels) for m in (0, 0.1, 0.2)]
    assert losses == sorted(losses)


@pytest.mark.parametrize("content, said", [
    (None, "does not run"), ("x = (", "does not run"), ("raise ValueError('no')", "ValueError: no"),
    ("import fercourse", "registers no method")])
def test_a_file_that_is_no_method_is_refused_in_one_sentence(tmp_path, content, said):
    path = tmp_path / "mine.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=said):
        methods.use(path)


def test_every_file_of_the_package_is_found():
    files = {path.stem for path in Path(methods.__file__).parent.glob("[a-z]*.py")} - {"base"}
    found = {methods.method_class(name).__module__.rpartition(".")[2]
             for name in ("baseline", "cdan", "dann", "dmsrl", "dr-fer", "hncl", "id-invariant", "wscfer")}
    assert found == files
