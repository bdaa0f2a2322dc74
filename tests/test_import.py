"""The package imports, and quickly: heavy parts wait until they are used."""

import subprocess
import sys


def test_import_loads_no_heavy_library():
    heavy = {"torch", "torchvision", "umap", "sklearn", "pandas"}
    code = f"import sys, fercourse; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
