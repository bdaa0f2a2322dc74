"""A study of one arm, which counts how often it is measured."""

import pytest

from fercourse import studies
from fercourse.studies import Study


@pytest.fixture
def counted(monkeypatch):
    calls = []

    def arms(scale, data, root):
        def measure(seed):
            calls.append(seed)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return {"accuracy": .5 + seed / 10, "note": "words are no metric"}
        return {"only": measure}

    toy = Study("toy", "synthfaces", arms, {})
    monkeypatch.setattr(studies, "get", lambda name: toy)
    monkeypatch.setattr(studies, "names", lambda: ["toy"])
    return calls
