"""`fercourse data list` and `data check`: what they print and how they leave."""

import json

import pytest

from fercourse.cli import main
from fercourse.cli.data import options_of
from fercourse.faces import catalogue
from tests.faces import miniatures
from tests.line import call


def run(capsys, *words):
    """Run the command line; return status, stdout and stderr."""
    with pytest.raises(SystemExit) as leave:
        main(list(words))
    out, err = capsys.readouterr()
    return leave.value.code or 0, out, err


def test_list_shows_every_set_and_where_it_is(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("FERCOURSE_DATA", str(tmp_path))
    miniatures.rafdb(tmp_path / "rafdb")
    status, out, _ = run(capsys, "data", "list")
    assert status == 0 and all(f"{name}: " in out for name in catalogue.names())
    assert f"found in {tmp_path / 'rafdb'}" in out and f"not found; looked for in {tmp_path / 'jaffe'}" in out
    facts = {fact["name"]: fact for fact in json.loads(run(capsys, "data", "list", "--json")[1])}
    assert facts["rafdb"]["found"] and not facts["jaffe"]["found"]
    assert facts["rafdb"]["faces"] == 15339 and facts["afewva"]["classes"] == []


def test_check_leaves_with_0_when_readable_and_names_surprises(capsys, tmp_path):
    miniatures.rafdb(tmp_path)
    status, out, _ = run(capsys, "data", "check", "rafdb", "--root", str(tmp_path))
    assert status == 0 and "train+val: 10 faces of fear, published 281 (-271)" in out
    status, out, _ = run(capsys, "data", "check", "rafdb", "--root", str(tmp_path), "--json")
    assert status == 0 and json.loads(out)["published"]["test"]["fear"] == 74


def test_check_takes_the_options_of_a_reader(capsys, tmp_path):
    for word in ("closed", "open"):
        miniatures.put(tmp_path, f"{word}/a.jpg")
    words = "data", "check", "folder", "--root", str(tmp_path)
    status, out, _ = run(capsys, *words, "--option", "classes=closed,open", "--json")
    assert status == 0 and json.loads(out)["rejects"] == []
    assert run(capsys, *words)[0] == 2 and run(capsys, *words, "--option", "classes")[0] == 2
    status, _, err = run(capsys, "data", "check", "synthfaces", "--option", "classes=7")
    assert status == 2 and "synthfaces: classes cannot be chosen; expected no options" in err


@pytest.mark.parametrize(("pairs", "options"), [
    (["classes=7", "landmarks=True"], {"classes": 7, "landmarks": True}), (["a=-7", "b=x=y"], {"a": -7, "b": "x=y"}),
    (["a=--7"], {"a": "--7"}), (["a=²"], {"a": "²"}), (["a=٣"], {"a": "٣"}), (["a=-"], {"a": "-"}),
    (["a=true", "a=false"], {"a": "true,false"}), (["a=1", "b=2", "a=3"], {"a": "1,3", "b": 2}), (None, {})])
def test_options_are_what_they_look_like(pairs, options):
    assert options_of(pairs) == options


def test_several_angles_of_kdef_are_asked_for(capsys, tmp_path):
    miniatures.kdef(tmp_path)
    words = "data", "check", "kdef", "--root", str(tmp_path)
    status, _, err = run(capsys, *words, "--option", "angles=HL", "--option", "angles=S")
    assert status == 0 and not err
    status, _, err = run(capsys, *words, "--option", "angles=S,up")
    assert status == 2 and "kdef: angle 'up' is unknown" in err


@pytest.mark.parametrize("words", [("rafdb", "--root", "nowhere"), ("raf-bd",), ("folder",), ("rafdb",)])
def test_check_leaves_with_2_and_one_line_when_unreadable(capsys, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, "data", "check", *words)
    assert status == 2 and out == "" and err.startswith("fercourse: ") and err.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "pack"])
@pytest.mark.parametrize("word", ["root", "name", "pictures"])
def test_an_option_of_the_command_is_no_option_of_the_reader(command, word, tmp_path, capsys):
    assert call("data", command, "folder", "--root", tmp_path, "--option", f"{word}=x") == 2
    assert f"folder has no option '{word}'" in capsys.readouterr().err
