"""What is misspelt on the command line is one sentence with the way to the help; no command at all is the help."""

import io
import subprocess
import sys
import warnings

import pytest
import typer

from fercourse import __version__, cli, methods
from fercourse.cli import app
from fercourse.errors import InputError
from fercourse.methods.base import _METHODS
from tests.line import call


@pytest.mark.parametrize("words, sentence", [
    (["nosuch"], "fercourse: No such command 'nosuch'; see fercourse --help"),
    (["train"], "fercourse: Missing argument 'method'; see fercourse train --help"),
    (["train", "baseline", "--target"], "fercourse: Option '--target' requires an argument; see fercourse --help"),
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


def commands(command, path=()):
    """Return every command below one, and itself, by the words that call it."""
    below = getattr(command, "commands", {})
    return {path: command} | {k: v for word, sub in below.items() for k, v in commands(sub, (*path, word)).items()}


COMMANDS = commands(typer.main.get_command(app))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_explains_every_option_with_its_default(path, capsys):
    assert call(*path, "--help") == 0
    told = "".join(capsys.readouterr().out.split())                            # lines are wrapped anywhere
    for option in COMMANDS[path].params:
        assert option.help, option.name
        assert all(word in told for word in option.opts if word.startswith("-")), option.name
        explained = "".join(option.help.split())
        if option.secondary_opts:                                              # --pictures/--no-pictures
            explained += f"[default:{(option.opts if option.default else option.secondary_opts)[0].lstrip('-')}"
        elif option.default not in (None, ()) and option.default is not False:
            explained += f"[default:{option.default}"
        assert explained in told, option.name
    assert path != ("evaluate",) or "default:thesetthattherunwas" in told


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


def test_letters_that_a_windows_pipe_lacks_stop_nothing(monkeypatch):
    def told(*_, **__):
        print("Łukasz: 2 of 3")
        raise InputError("Łukasz")
    pipes = [io.TextIOWrapper(io.BytesIO(), "cp1252", write_through=True) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", pipes[0])
    monkeypatch.setattr(sys, "stderr", pipes[1])
    monkeypatch.setattr("fercourse.faces.catalogue.names", told)
    assert call("data", "list") == 2
    assert [pipe.buffer.getvalue().split() for pipe in pipes] == [[rb"\u0141ukasz:", b"2", b"of", b"3"],
                                                                  [b"fercourse:", rb"\u0141ukasz"]]


def test_a_fault_without_a_message_is_told_by_its_kind(monkeypatch, capsys):
    def unfinished():
        raise NotImplementedError
    monkeypatch.setattr("fercourse.faces.catalogue.names", unfinished)
    assert call("data", "list") == 1
    assert capsys.readouterr().err.startswith("fercourse: NotImplementedError; this is a fault of fercourse, ")


OWN = """
from fercourse.faces import catalogue
from fercourse.studies import study

@study("mine")
def arms(scale, data, root):
    return {}["total"]
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A file with a study whose arms are broken."""
    monkeypatch.setattr("fercourse.studies.REGISTRY", {})
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path / "own.py"


def test_the_help_of_study_names_those_of_a_file_given_anywhere(own, capsys):
    for words in (["--use", own, "study", "--help"], ["study", "--help", f"--use={own}"]):
        assert call(*words) == 0
        assert "comparison or mine." in " ".join(capsys.readouterr().out.split())
    assert call("study", "--help", "--use") == 2
    assert "--use names no file; expected --use FILE" in capsys.readouterr().err


def test_an_error_of_a_file_of_ones_own_is_told_with_its_line(own, tmp_path, monkeypatch, capsys):
    assert call("study", "mine", "--out", tmp_path, "--use", own) == 2
    told = capsys.readouterr().err
    assert told == f"fercourse: KeyError: 'total'; this happened in {own}, line 7; --debug shows how\n"
    monkeypatch.setattr("fercourse.faces.catalogue.names", broken)
    assert call("data", "list", "--use", own) == 1
    assert f"this is a fault of {own}, or of fercourse, --debug" in capsys.readouterr().err


def test_help_names_every_method_without_importing_them():
    code = ("import sys; from fercourse import cli\ntry: cli.main(['train', '--help'])\n"
            "finally: print('torch' in sys.modules)")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    own = [name for name, cls in _METHODS.items() if cls.__module__.startswith(methods.__name__)]
    assert len(own) > 5 and ", ".join(sorted(own)) in " ".join(told.split())
    assert told.endswith("False\n")


def test_a_warning_of_ours_is_one_sentence(monkeypatch, capsys):
    def told():                                                               # pytest keeps what would be printed
        for file in (cli.__file__, "/elsewhere/lib.py"):
            print(warnings.formatwarning("1 samples were left out", UserWarning, file, 17), end="")
        return []
    usual = warnings.formatwarning
    monkeypatch.setattr("fercourse.faces.catalogue.names", told)
    assert call("data", "list") == 0 and warnings.formatwarning is usual
    assert capsys.readouterr().out == ("fercourse: 1 samples were left out\n"
                                       "/elsewhere/lib.py:17: UserWarning: 1 samples were left out\n")
