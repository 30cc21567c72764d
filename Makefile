# The workbook's commands; `make help` lists them. Everything is installed into .venv, and only when
# pyproject.toml or the constraints changed. Another Python: make run PYTHON=python3.12
PYTHON ?= python3
VENV ?= .venv
# make splits names at spaces, and the shell reads these marks
ODD := $(foreach mark,' " ` ; & | < > \ $$,$(findstring $(mark),$(VENV)))
ifneq ($(words $(VENV)) $(strip $(ODD)),1 )
$(error VENV=$(VENV): choose a path without spaces, quotes and other marks of the shell)
endif
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CONSTRAINTS := .ci/constraints.txt

# make run PRESET=smoke ARGS="--only 02 --set stride=4"; make accept RUN=runs/demo-...
PRESET ?= demo
ARGS ?=
RUN ?=

.DEFAULT_GOAL := help
.PHONY: help install run test lint lab weights twins pair figures accept bench page paper-objects paper study constraints clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## Create .venv and install into it (quick when nothing changed)

$(INSTALLED): pyproject.toml $(CONSTRAINTS)
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not installed; name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is too old; \
	Python 3.11 or later is needed: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "Creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing (torch is large: the first time takes some minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]' -c $(CONSTRAINTS)
	@touch $@

run: $(INSTALLED)  ## Execute the notebooks (PRESET=demo) into runs/ and write the report; the exit code is the verdict
	@$(BIN)/python -m helpers run --preset $(PRESET) $(ARGS)

# Processes of one thread each are through in three fifths of the time of one process with as many threads
test: $(INSTALLED)  ## Lint, then run the tests
	@$(BIN)/ruff check
	@OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile $(ARGS)

lint: $(INSTALLED)  ## Check style and imports (ruff)
	@$(BIN)/ruff check $(ARGS)

lab: $(INSTALLED)  ## Open JupyterLab on the notebooks
	@$(BIN)/jupyter lab --notebook-dir=notebooks --ContentsManager.pre_save_hook=helpers.tools.workbook.saving.settle $(ARGS)

weights: $(INSTALLED)  ## Train the embedded networks again from scratch (hours on a CPU; resumable)
	@$(BIN)/python -m helpers weights train $(ARGS)

twins: $(INSTALLED)  ## Train the anti-aliased twins of real networks again (hours on a CPU; resumable)
	@MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8589934592 $(BIN)/python -m helpers weights twins $(ARGS)

pair: $(INSTALLED)  ## Bring each .ipynb in step with its .py
	@$(BIN)/jupytext --to ipynb --update notebooks/[0-9]*.py

figures: $(INSTALLED)  ## Execute the demo preset and publish it: figures/ and the outputs inside the .ipynb (RUN=... takes that run)
	@$(BIN)/python -m helpers publish $(RUN) $(ARGS)

accept: $(INSTALLED)  ## Make a run's numbers the baseline and print what moved (RUN=... takes that run; else PRESET is executed)
	@$(BIN)/python -m helpers accept --preset $(PRESET) $(RUN) $(ARGS)

bench: $(INSTALLED)  ## Measure speed into tests/benchmarks/RESULTS.md (one table: ARGS="-k overhead")
	@OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -q -o python_files="bench_*.py" -o python_functions=bench --show-capture=no tests/benchmarks $(ARGS)

page: $(INSTALLED)  ## Write the self-contained interactive page
	@MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8589934592 $(BIN)/python -m helpers page $(ARGS)

paper-objects: $(INSTALLED)  ## Download the paper's COCO objects (resumable)
	@$(BIN)/python -m helpers paper-objects $(ARGS)

paper: $(INSTALLED)  ## The paper's protocol at full scale, then the notebooks beside it (a GPU, hours; resumable)
	@$(BIN)/python -m helpers sweep --preset paper --out runs/paper.zarr $(ARGS)
	@$(BIN)/python -m helpers run --preset paper --set store=../runs/paper.zarr

study: $(INSTALLED)  ## The workbook's own study: real networks, real objects, swept and packed (an hour or two; resumable)
	@for sweep in study study_fine study_larger; do \
	  MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8589934592 \
	  $(BIN)/python -m helpers sweep --preset $$sweep --out runs/study/$$sweep.zarr $(ARGS) || exit 1; done
	@$(BIN)/python -m helpers study

constraints:  ## Renew the exact versions from what .venv holds
	@{ sed -n '/^#/p' $(CONSTRAINTS); $(BIN)/python -m pip freeze --exclude-editable | grep -v ' @ '; } > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt $(CONSTRAINTS)

clean:  ## Remove caches and build leftovers (not .venv, not runs/)
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache
	@find helpers tests notebooks -name __pycache__ -prune -exec rm -rf {} +
