"""A sixth method is one file: it trains, is scored and is read again without another file being touched."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from fercourse import distributed, fit, methods, studies
from fercourse.checkpoint import load_run
from fercourse.errors import InputError
from fercourse.faces import catalogue
from fercourse.methods.base import _METHODS, Hyper, Method, register
from fercourse.typed import typed
from tests.faces.miniatures import put
from tests.toy import toy_faces, toy_method
from tests.twice import twice

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


def test_the_method_of_the_guide_trains_and_is_read_again(tmp_path, known):
    guide = (EXAMPLE.parents[1] / "docs/your-own-method.md").read_text("utf-8")
    (tmp_path / "centre.py").write_text(re.search(r"```python\n(.*?)```", guide, re.DOTALL)[1], "utf-8")
    done = _fercourse("--use", "centre.py", "train", "centre", "--data", "synthfaces/lab", "--labels", "0.04",
                      "--epochs", "1", "--size", "32", "--set", "pull=0.003", "--out", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    loss = json.loads((tmp_path / "run/log.jsonl").read_text().splitlines()[-1])
    assert loss["total"] == pytest.approx(loss["told"] + 0.003 * loss["pull"])
    assert methods.use(tmp_path / "centre.py") == ["centre"]
    assert "centres.weight" in load_run(tmp_path / "run").state_dict()


def discreet(folder):
    """Train the second method of the guide; return its buffer, its memory, and whether its teacher learns or rests."""
    guide = (EXAMPLE.parents[1] / "docs/your-own-method.md").read_text("utf-8")
    file = Path(folder) / f"discreet{distributed.rank()}.py"
    file.write_text(re.findall(r"```python\n(.*?)```", guide, re.DOTALL)[1], "utf-8")
    methods.use(file)
    faces = toy_faces(32, 32, attributes={"gender": torch.arange(32) % 2})
    method = toy_method(faces, "discreet")
    before = [part.weight.clone() for part in (method.critic, method.teacher.trunk.conv1[0])]
    fit(method, faces, epochs=2, batch_size=16, quiet=True, device="cpu", out=f"{folder}/run")
    after = [part.weight for part in (method.critic, method.teacher.trunk.conv1[0])]
    return (method.usual, method.memory["turns"], method.train().teacher.training,
            *(not torch.equal(a, b) for a, b in zip(before, after)))


def test_the_critic_and_the_teacher_of_the_guide_are_trained_alike_in_two_processes(tmp_path):
    (usual, turns, learns, *moved), (other, *_) = twice(discreet, str(tmp_path))
    assert torch.equal(usual, other) and usual.abs().sum() > 0 and turns.tolist() == [2.0] * 32
    assert not learns and moved == [True, True]


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
    files = {path.stem for path in Path(methods.__file__).parent.glob("[a-z]*.py")} - {"base", "own"}
    found = {methods.method_class(name).__module__.rpartition(".")[2]
             for name, cls in _METHODS.items() if cls.__module__.startswith(f"{methods.__name__}.")}
    assert found == files


def test_a_file_may_register_a_study_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "REGISTRY", {})
    (tmp_path / "mine.py").write_text("from fercourse.studies import study\n\n@study('mine')\ndef arms(*_): pass\n")
    for _ in range(2):
        assert methods.use(tmp_path / "mine.py", studies.REGISTRY) == ["mine"]


SET = """
from dataclasses import replace
from fercourse.faces import EMOTIONS, catalogue
from fercourse.faces.readers import folder

def read(root):
    return replace(folder.read(root), name="mine")

catalogue.add(catalogue.SetInfo("mine", "Mine", EMOTIONS, "any", "ours.", "ask us", "mine/*/*.png", ("*/*.png",), read))
"""


def test_a_file_may_add_a_set_that_is_checked_trained_on_and_scored(tmp_path, monkeypatch):
    for number in range(40):
        put(tmp_path, f"pictures/{('happy', 'sad')[number % 2]}/{number}.png")
    (tmp_path / "set.py").write_text(SET)
    monkeypatch.setattr(catalogue, "_SETS", dict(catalogue._SETS))
    for _ in range(2):
        assert methods.use(tmp_path / "set.py") == ["mine"]
    own = "--use", "set.py"
    assert "happiness" in _fercourse(*own, "data", "check", "mine", "--root", "pictures", folder=tmp_path).stdout
    done = _fercourse(*own, "train", "baseline", "--data", "mine", "--root", "pictures", "--epochs", "1", "--size",
                      "32", "--out", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ((), ("--data", "mine", "--root", "pictures")):
        done = _fercourse(*own, "evaluate", "run", "--json", *words, folder=tmp_path)
        assert json.loads(done.stdout)["scored"] == "mine:test", done.stderr
    refused = _fercourse("evaluate", "run", folder=tmp_path)
    assert refused.returncode == 2 and "is made known by fercourse --use FILE" in refused.stderr


def _own(module, name="Own"):
    return type(name, (Method,), {"__module__": module})


def test_a_name_that_is_taken_is_refused_but_a_class_may_be_defined_again(known):
    with pytest.raises(InputError, match=r"method 'baseline' is there already \(fercourse.methods.baseline.Baseline\)"):
        register("baseline")(_own("__main__"))
    for module, names in (("__main__", ("Own", "Renamed")), ("mine", ("Own", "Own"))):
        for name in names:
            cls = register(module)(_own(module, name))
        assert methods.method_class(module) is cls
    with pytest.raises(InputError, match="register Other under another name"):
        register("mine")(_own("mine", "Other"))


@dataclass
class OwnHyper(Hyper):
    scales: tuple = (1.0, 2.0)
    sides: tuple[int, int] = (8, 8)
    words: list[str] = field(default_factory=lambda: ["a"])
    limit: int | None = None
    rate: float = None
    count: int = 3
    wrong: int = 0.5
    table: dict = field(default_factory=dict)


class Own(Method):
    name, Hyper = "own", OwnHyper


@pytest.mark.parametrize("name, value, read", [
    ("scales", "0.5,1", (0.5, 1.0)), ("scales", "(0.5, 1)", (0.5, 1.0)), ("scales", [3.0], (3.0,)),
    ("sides", "4,6", (4, 6)), ("words", "b, c", ["b", "c"]), ("limit", "7", 7), ("limit", None, None),
    ("limit", "none", None), ("rate", "0.5", 0.5), ("rate", None, None), ("count", 5, 5), ("wrong", 0.5, 0.5),
    ("grey", "True", True), ("weights", Path("a.pt"), "a.pt"), ("clip", 2, 2), ("table", {"a": 1}, {"a": 1}),
])
def test_hyper_parameters_are_read_as_they_are_annotated(name, value, read):
    (found,) = typed(Own, {name: value}).values()
    assert found == read and type(found) is type(read)


@pytest.mark.parametrize("name, value, kind", [
    ("scales", "a,b", "tuple"), ("scales", 3, "tuple"), ("sides", "1,2,3", "tuple[int, int]"), ("limit", "x", "int | "),
    ("count", 2.5, "int"), ("count", "2.5", "int"), ("grey", 7, "bool"), ("backbone", None, "str"),
    ("table", "a", "dict"),
])
def test_hyper_parameters_that_cannot_be_read_are_refused(name, value, kind):
    with pytest.raises(InputError, match=f"own: {name}=.* is no {re.escape(kind)}.*; its default is "):
        typed(Own, {name: value})
