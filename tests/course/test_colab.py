"""What is installed on Colab, and what is left alone."""

from pathlib import Path

from fercourse.course import colab


def test_torch_is_never_asked_for():
    wanted = ["# comment", "", "torch>=2.6", "torchvision>=0.21", "timm>=1.0.9", "umap-learn>=0.5.6", "numpy>=1.24",
              "jupyterlab>=4"]
    assert colab.missing(wanted, {"numpy": "2.0"}) == ["timm>=1.0.9", "umap-learn>=0.5.6"]


def test_what_is_there_becomes_a_constraint(monkeypatch):
    ran = []
    monkeypatch.setattr(colab, "installed", lambda: {"torch": "2.11.0+cu128", "numpy": "2.0"})

    def run(command, check):
        where = command.index("--constraint") + 1 if "--constraint" in command else None
        ran.append((command, Path(command[where]).read_text() if where else ""))
    monkeypatch.setattr(colab.subprocess, "run", run)
    colab.main()
    (first, fixed), (second, _) = ran
    assert fixed == "torch=" + "=2.11.0+cu128\nnumpy==2.0\n" and any(part.startswith("timm") for part in first)
    assert second[-2:] == ["--no-deps", str(colab.ROOT)]


def test_names_are_read_whatever_their_case():
    assert colab.installed()["torch"] and "Torch" not in colab.installed()
