# Everything runs in .venv, made here on first use. On Windows or without make, the README has the plain commands.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: env run test lab clean

env: $(VENV)/.installed

$(VENV)/.installed: requirements.txt pyproject.toml
	@echo "== making the environment in $(VENV): about 5 GB, one to five minutes"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $@

test: env
	$(BIN)/python -m ruff check .
	$(BIN)/python -m pytest

lab: env
	$(BIN)/jupyter lab notebooks

clean:
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis
