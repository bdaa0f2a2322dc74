"""What may be registered as a method, and what a file of one's own is told that holds none."""

from pathlib import Path

import pytest
from torch import nn

from fercourse import methods
from fercourse.errors import InputError
from fercourse.methods import Hyper, register

from .test_contract import Plain

pytestmark = pytest.mark.usefixtures("known")


class Undecorated(Hyper):
    pull: float = 0.5


@pytest.mark.parametrize("name, cls, said", [
    ("", Plain, "the name of a method is ''"), ("my/method", Plain, "the name of a method is 'my/method'"),
    (6, Plain, "the name of a method is 6"), ("mine", nn.Module, "method 'mine' is .*; expected a class made from"),
    ("mine", type("Mine", (Plain,), {"Hyper": dict}), "its Hyper is dict; expected a dataclass"),
])
def test_what_cannot_be_registered(name, cls, said):
    with pytest.raises(InputError, match=said):
        register(name)(cls)


class Untyped(Hyper):
    pull = 0.5


def test_a_hyper_of_ones_own_is_a_dataclass():
    with pytest.raises(InputError, match=r"pull of Untyped has no type .*; write pull: float = 0.5, with @dataclass"):
        register("mine")(type("Mine", (Plain,), {"Hyper": Untyped}))
    with pytest.raises(InputError, match=r"its Hyper is Undecorated; expected a dataclass .*@dataclass above class"):
        register("mine")(type("Mine", (Plain,), {"Hyper": Undecorated}))


def test_two_files_of_one_name_are_two(tmp_path):
    code = 'from fercourse.methods import Method, register\n\n@register("mine")\nclass Mine(Method): pass\n'
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.py").write_text(code)
    assert methods.use(tmp_path / "a/own.py") == ["mine"] == methods.use(tmp_path / "a/own.py")
    with pytest.raises(InputError, match="method 'mine' is there already"):
        methods.use(tmp_path / "b/own.py")


@pytest.mark.parametrize("make, said", [
    (lambda path: path.mkdir(), "is a folder; expected a Python file"),
    (lambda path: path.with_suffix(".py").write_text("x = 1\ny = nothing\n"), r"own.py, line 2: .* \(NameError"),
])
def test_a_file_to_use_that_is_none(tmp_path, make, said):
    make(tmp_path / "own")
    with pytest.raises(InputError, match=said):
        methods.use(next(tmp_path.iterdir()))


def test_the_line_is_told_of_a_file_beside_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text("x = 1\ny = nothing\n")
    with pytest.raises(InputError, match=r"^own.py, line 2: "):
        methods.use("own.py")
