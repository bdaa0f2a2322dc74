"""The package imports, and quickly: heavy parts wait until they are used."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import fercourse


def test_import_loads_no_heavy_library():
    heavy = {"torch", "torchvision", "umap", "sklearn", "pandas"}
    code = f"import sys, fercourse; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("folder, above", [("bench", "studies"), ("course", "studies"), ("models", "studies"),
                                           ("models", "evaluate"), ("models", "typer")])
def test_a_folder_imports_nothing_that_stands_above_it(folder, above):
    imports = re.compile(rf"^\s*(from|import)\b.*\b{above}\b", re.MULTILINE)
    files = sorted((Path(fercourse.__file__).parent / folder).glob("*.py"))
    assert files and [file.name for file in files if imports.search(file.read_text("utf-8"))] == []
