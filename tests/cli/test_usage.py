"""What is misspelt on the command line is one sentence with the way to the help; no command at all is the help."""

import pytest

from fercourse import __version__
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
