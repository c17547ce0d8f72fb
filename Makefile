# The commands of this project; `make help` lists them.
.DEFAULT_GOAL := help
# The first of python3.11, 3.12, 3.13 and python3 that fits, unless one is named
PYTHON ?=
# Where PyTorch's build for processors is looked for first; then where pip is configured to look
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
LOCK := images/laptop/requirements.txt
WORKSPACE ?= runs/laptop
FLAVOUR ?= cuda
BUILD_OPTIONS ?= $(if $(filter cpu,$(FLAVOUR)),--build-arg UV_EXTRA_INDEX_URL=$(TORCH_INDEX))
BIN := .venv/bin
# What needs the command alone takes whichever .venv there is
COMMAND := $(if $(wildcard .venv/installed),.venv/installed,.venv/light)
# The one library that vLLM loads and no wheel brings
HAS_LIBNUMA := $(BIN)/python -c 'import ctypes; ctypes.CDLL("libnuma.so.1")' 2>/dev/null
NO_LIBNUMA := vLLM needs the library libnuma, which is not here; run: apt-get install libnuma1

.PHONY: help install light demo test test-slow test-faults lint format compile generate bench images e2e-containers e2e-cluster release-images lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## make .venv with all that a run without a GPU needs (4.5 GB)

.venv/installed: $(LOCK) images/laptop/install.sh pyproject.toml
	@TORCH_INDEX="$(TORCH_INDEX)" PYTHON="$(PYTHON)" images/laptop/install.sh
	@$(HAS_LIBNUMA) || echo "$(NO_LIBNUMA)"
	@touch $@

light: $(COMMAND) ## make .venv with the command and the steps without a model (0.6 GB): on any system

.venv/light: images/laptop/install.sh pyproject.toml
	@PYTHON="$(PYTHON)" images/laptop/install.sh light
	@touch $@

demo: install ## the main job: the whole method with a small real model, to a dataset in runs/laptop
	@$(HAS_LIBNUMA) || { echo "$(NO_LIBNUMA)"; exit 2; }
	$(BIN)/scalequest run laptop --workspace $(WORKSPACE)

test: install ## the tests that are quick: ten minutes on two cores
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile -m "not slow and not model and not faults and not gpu and not containers and not cluster"

test-slow: install ## the tests that are slow by nature: kills, trainings, whole runs, the real small model
	$(BIN)/python -m pytest -m "(slow or model) and not faults and not gpu and not containers and not cluster"

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

compile: $(COMMAND) ## write pipelines/compiled anew
	$(BIN)/scalequest compile

generate: compile ## write all anew that is made from other files
	$(BIN)/python -m manifests.generate
	$(BIN)/python -m pipelines.document
	$(BIN)/python -m helm.document

bench: install ## the benchmarks of benchmarks/README.md (about half an hour)
	$(BIN)/python -m benchmarks

images: $(COMMAND) ## build the images; FLAVOUR=cpu without GPUs, BASE=NAME@sha256:… for a release
	$(BIN)/python -m images.build --flavour $(FLAVOUR) $(if $(BASE),--base $(BASE)) -- $(BUILD_OPTIONS)

e2e-containers: install ## each image's smoke test, then the compiled pipeline in the images, on an S3 server
	$(BIN)/python -m pytest -m containers

e2e-cluster: install ## examine the cluster of kubectl's context: E2E_NAMESPACE, E2E_HOST and E2E_WORKSPACE say where
	$(BIN)/python -m pytest -m cluster tests/cluster

release-images: $(COMMAND) ## push the images to REGISTRY, and pin them in pipelines and manifests
	$(BIN)/python -m images.release --registry $(REGISTRY) --flavour $(FLAVOUR)
	$(BIN)/scalequest compile
	$(BIN)/python -m manifests.generate

lock: install ## resolve the locks of images/ anew from pyproject.toml; OPTIONS=--upgrade takes the newest versions
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m images.lock $(OPTIONS)

clean: ## remove .venv and caches; runs stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
