# Everything runs in .venv, made here on first use. On Windows or without make, the README has the plain commands.
PYTHON ?= python3 python3.13 python3.12 python3.11 python3.10 python
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help env run test lab notebooks site clean

help:   ## say what there is (the default)
	@echo "fercourse: representation learning for facial expression recognition"
	@sed -n 's/^\([a-z]*\): .*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

env: $(VENV)/.installed   ## make the environment in .venv, or bring it up to date

run: env   ## train the baseline on the embedded faces, print metrics, draw what it learnt (runs/first)
	$(BIN)/python -m fercourse train baseline --data synthfaces/wild --score synthfaces/wild:test --size 48 \
	  --epochs 16 --out runs/first --resume
	$(BIN)/python -m fercourse embed runs/first --data synthfaces/wild --most 1000 --out runs/first/embedding.png \
	  --out runs/first/explorer.html
	@echo "== metrics: runs/first/metrics.json; pictures: runs/first/embedding.png and runs/first/explorer.html"

test: env   ## check the style and pass every test, notebooks included, two at a time
	$(BIN)/python -m ruff check .
	$(BIN)/python -m pytest -n 2 --dist worksteal

lab: env   ## open the lessons in JupyterLab
	$(BIN)/python -m jupyter lab notebooks

notebooks: env   ## run every lesson and store its outputs
	$(BIN)/python -m fercourse.course.notebooks build

site: env   ## build the course as a web site in site/_build
	$(BIN)/python -m sphinx -b html site site/_build/html
	@echo "== open site/_build/html/index.html"

clean:   ## remove caches and built files; the environment and runs stay
	rm -rf build dist site/_build site/lessons site/data site/examples .pytest_cache .ruff_cache .hypothesis
	find fercourse tests notebooks -name __pycache__ -type d -prune -exec rm -rf {} +

# Written last, so that an installation that was cut off is taken up again. It says in which folder it was made, as
# scripts and the editable install point there from wherever the course was moved or copied to; and from which
# requirements, so that files that only look newer (after a change of branches) ask for no network.
SUM   := $(shell cat requirements.txt pyproject.toml | cksum)
MOVED := $(shell [ -L $(VENV) ] || [ ! -s $(VENV)/.installed ] || [ "$$(sed -n 1p $(VENV)/.installed)" = "$(CURDIR)" ] || echo yes)

$(VENV)/.installed: requirements.txt pyproject.toml | $(BIN)/pip
	@if [ "$$(sed -n 2p $@ 2>/dev/null)" = "$(SUM)" ]; then touch $@; else \
	echo "== installing into $(VENV): up to 6 GB and some minutes the first time, mostly PyTorch"; \
	$(BIN)/python -m pip install --no-input --disable-pip-version-check --editable '.[dev]' \
	&& printf '%s\n' "$(CURDIR)" "$(SUM)" > $@ && echo "== $(VENV) is ready"; fi

# pip comes last into an environment, so that a half-made one is completed. The first PYTHON that works makes it.
$(BIN)/pip:
	@for python in $(PYTHON); do \
	  "$$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null || continue; \
	  echo "== making $(VENV) with $$("$$python" --version)$(if $(MOVED),: the one here was made in another folder)"; \
	  "$$python" -m venv $(if $(MOVED),--clear) $(VENV) && exit 0; \
	  echo "== $$python cannot make environments; on Debian and Ubuntu install python3-venv" >&2; exit 1; \
	done; \
	echo "== no Python 3.10 to 3.13 among $(PYTHON); install one, or make env PYTHON=/path/to/python" >&2; exit 1

ifdef MOVED
.PHONY: $(BIN)/pip $(VENV)/.installed
endif
