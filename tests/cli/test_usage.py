"""What is misspelt on the command line is one sentence with the way to the help; no command at all is the help."""

import subprocess
import sys

import pytest

from fercourse import __version__, methods
from fercourse.methods.base import _METHODS
from tests.line import call


@pytest.mark.parametrize("words, sentence", [
    (["nosuch"], "fercourse: No such command 'nosuch'; see fercourse --help"),
    (["train"], "fercourse: Missing argument 'method'; see fercourse train --help"),
    (["data", "nosuch"], "fercourse: No such command 'nosuch'; see fercourse data --help"),
])
def test_a_misspelt_line_is_one_sentence(words, sentence, capsys):
    assert call(*words) == 2
    said = capsys.readouterr()
    assert said.err.strip() == sentence and not said.out


def test_a_number_that_is_none_is_named(capsys):
    assert call("train", "baseline", "--epochs", "many") == 2
    said = capsys.readouterr().err
    assert "--epochs" in said and said.count("\n") == 1 and "Traceback" not in said


@pytest.mark.parametrize("words", [[], ["data"], ["course"]])
def test_no_command_is_the_help(words, capsys):
    assert call(*words) == 2
    said = capsys.readouterr()
    assert "Commands:" in said.out + said.err and "fercourse: " not in said.err


def test_version(capsys):
    assert call("--version") == 0
    assert capsys.readouterr().out == f"fercourse {__version__}\n"


def test_the_keyboard_stops_with_a_sentence(monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt
    monkeypatch.setattr("fercourse.faces.catalogue.names", stop)
    assert call("data", "list") == 130
    assert "stopped by the keyboard" in capsys.readouterr().err


def broken(*_, **__):
    raise RuntimeError("mat1 and mat2\n  do not fit")


def test_a_fault_of_ours_is_one_sentence_too(monkeypatch, capsys):
    monkeypatch.setattr("fercourse.faces.catalogue.names", broken)
    assert call("data", "list") == 1
    assert capsys.readouterr().err == ("fercourse: RuntimeError: mat1 and mat2 do not fit; this is a fault of "
                                       "fercourse, --debug shows where\n")
    with pytest.raises(RuntimeError):
        call("data", "list", "--debug")


def test_help_names_every_method_without_importing_them():
    code = ("import sys; from fercourse import cli\ntry: cli.main(['train', '--help'])\n"
            "finally: print('torch' in sys.modules)")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    own = [name for name, cls in _METHODS.items() if cls.__module__.startswith(methods.__name__)]
    assert len(own) > 5 and ", ".join(sorted(own)) in " ".join(told.split())
    assert told.endswith("False\n")
