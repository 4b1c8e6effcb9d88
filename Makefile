# Everything a developer or a first visitor does, each in one command: `make help`.
PYTHON ?= python3
VENV ?= .venv
# A CPU build where there is no NVIDIA GPU: on Linux PyTorch keeps those at an address of its own.
TORCH ?= torch==2.13.0
TORCH_INDEX ?= $(if $(shell command -v nvidia-smi),,--extra-index-url https://download.pytorch.org/whl/cpu)
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
BIN = $(VENV)/bin
# What the newest image with smdistributed holds (transformers 4.36.0, torch 2.1, Python 3.10), as far as it goes with a
# newer torch and Python.
LEGACY = "transformers==4.36.2" "accelerate==0.25.0" "datasets<3" "numpy<2" "pyarrow<18" \
  -r requirements/transformers-4.36.0.txt plotly "pytest>=8" "pytest-xdist>=3.8" "hypothesis>=6.100"
LEGACY_TESTS = tests/test_experiment.py tests/test_resume.py tests/test_distributed.py tests/training tests/tokenization/test_trimming.py

# A test process a core, a file at a time: a file's tests share what its fixtures have started or trained.
PARALLEL ?= --numprocesses auto --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup quickstart test toolkit legacy environments check format bench bench-launcher clean

help: ## list what there is to do
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/installed ## make the virtual environment and install mlqa into it

quickstart: $(VENV)/installed ## train and score a small model on generated Turkish, offline, in a few minutes
	$(BIN)/python train.py experiment=quickstart

test: $(VENV)/installed-dev ## run every test
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

toolkit: $(VENV)-toolkit/installed ## install SageMaker's own training toolkit, by which some tests then run a job

legacy: $(VENV)-legacy/installed ## run the end-to-end tests with transformers 4.36, the oldest that a SageMaker image brings
	$(VENV)-legacy/bin/python -m pytest $(PARALLEL) $(LEGACY_TESTS) $(PYTEST_ARGS)

environments: $(VENV)/installed-dev $(VENV)-toolkit/installed $(VENV)-legacy/installed ## make every virtual environment; side by side with --jobs

check: $(VENV)/installed-dev ## lint, format check and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed-dev ## mend what lint and format can mend themselves
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev ## measure the path of a question beside transformers' own (minutes)
	$(BIN)/python benchmarks/features.py
	$(BIN)/python benchmarks/evaluation.py
	$(BIN)/python benchmarks/start.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/distributed.py

bench-launcher: $(VENV)/installed-dev ## measure sweeps of 500 members on the rehearsal service's simulated clock (minutes)
	$(BIN)/python benchmarks/launcher.py

clean: ## remove the virtual environment and caches; outputs/ and multirun/ stay
	rm -rf $(VENV) $(VENV)-legacy $(VENV)-toolkit .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "error: mlqa needs Python 3.10 or newer; choose one by: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/torch: $(VENV)/bin/python
	@echo "installing $(TORCH) ..."
	@$(PIP) install --quiet --no-deps --retries 0 $(TORCH_INDEX) "$(TORCH)"
	@touch $@

$(VENV)/installed: pyproject.toml $(VENV)/torch
	@echo "installing mlqa and what it needs ..."
	@$(PIP) install --quiet "$(TORCH)" --editable ".[rehearsal]"
	@touch $@

$(VENV)-legacy/installed: pyproject.toml requirements/transformers-4.36.0.txt
	@$(MAKE) --no-print-directory VENV=$(VENV)-legacy $(VENV)-legacy/torch
	@echo "installing mlqa with transformers 4.36 ..."
	@$(VENV)-legacy/bin/python -m pip --disable-pip-version-check install --quiet "$(TORCH)" $(LEGACY)
	@$(VENV)-legacy/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --editable .
	@touch $@

$(VENV)-toolkit/installed:
	$(PYTHON) -m venv $(VENV)-toolkit
	@$(VENV)-toolkit/bin/python -m pip --disable-pip-version-check install --quiet sagemaker-training==5.1.4 hydra-core==1.3.8
	@touch $@

$(VENV)/installed-dev: pyproject.toml $(VENV)/torch
	@echo "installing mlqa, what it needs, and what tests and checks need ..."
	@$(PIP) install --quiet "$(TORCH)" --editable ".[dev]"
	@touch $(VENV)/installed $@
