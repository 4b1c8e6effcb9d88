# One command for each thing that a developer or a first visitor does: `make help`.
PYTHON ?= python3
VENV ?= .venv
# A CPU build if there is no NVIDIA GPU: PyTorch keeps its CPU builds for Linux at an address of its own.
TORCH ?= torch==2.13.0
TORCH_INDEX ?= $(if $(shell command -v nvidia-smi),,--extra-index-url https://download.pytorch.org/whl/cpu)
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
BIN = $(VENV)/bin
# The distributions of this repository, by path and in one call of pip. Nobody owns their names on PyPI yet, and pip
# does not ask an index for a name that a path on its command line provides.
LAUNCHER = --editable ./launchers
PLUGINS = $(LAUNCHER) --editable ./sweepers
# The versions of the newest image with smdistributed (transformers 4.36.0, torch 2.1, Python 3.10), as far as they run
# with a newer torch and Python.
LEGACY = "transformers==4.36.2" "sentencepiece>=0.1.99,<0.2.2" "accelerate==0.25.0" "datasets<3" "numpy<2" \
  "pyarrow<18" -r requirements/transformers-4.36.0.txt scipy "pytest>=8" "pytest-xdist>=3.8" "hypothesis>=6.100"
# Only the tests marked `legacy`. They meet every place at which the versions differ: loading and saving models and
# tokenizers, the Trainer's arguments, loss, optimizers, evaluation, checkpoints and resuming, accelerate's several
# processes. Command lines, reports and scores call none of these libraries and are the same code with either version.
LEGACY_TESTS = -m legacy tests/test_experiment.py tests/test_resume.py tests/test_distributed.py tests/training tests/models tests/tokenization/test_trimming.py

# The launcher alone: mlqa and its other dependencies stay with Hydra 1.3.
NEXT_HYDRA = hydra-core==1.4.0rc3
NEXT_HYDRA_TESTS = tests/launchers/test_hydra_suites.py tests/launchers/test_launch.py tests/launchers/test_options.py

# One test process per core and one more (tests/conftest.py). A process takes whole files: the tests of a file share what its fixtures start or train.
# xdist would start with the files of the most tests, and the dear files have few: tests/conftest.py puts those first.
PARALLEL ?= --numprocesses auto --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup quickstart test test-all test-fast coverage toolkit legacy next-hydra environments check format docs dist bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/installed ## make the virtual environment and install mlqa, its launcher and its sweeper

quickstart: $(VENV)/installed ## train and score a small model on generated Turkish, offline, in a few minutes
	$(BIN)/python train.py experiment=quickstart

test: $(VENV)/installed-dev ## run the tests before you send a change: of long tables a few cases each
	$(BIN)/python -m pytest -m "not exhaustive" $(PARALLEL) $(PYTEST_ARGS)

test-all: $(VENV)/installed-dev ## run every test: also every type of model, every AWS call that fails, Hydra's suites, the benchmarks
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

test-fast: $(VENV)/installed-dev ## run the tests that neither train nor start a service, while you work
	$(BIN)/python -m pytest -m "not slow" --hypothesis-profile=quick $(PARALLEL) $(PYTEST_ARGS)

coverage: $(VENV)/installed-dev ## run every test and show the lines and branches that none has run
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

toolkit: $(VENV)-toolkit/installed ## install SageMaker's own training toolkit: some tests then run a job with it

legacy: $(VENV)-legacy/installed ## run the tests of what differs with transformers 4.36, the oldest in a SageMaker image
	$(VENV)-legacy/bin/python -m pytest $(PARALLEL) $(LEGACY_TESTS) $(PYTEST_ARGS)

next-hydra: $(VENV)-next-hydra/installed ## run the launcher's tests with the release candidate of Hydra 1.4
	$(VENV)-next-hydra/bin/python -m pytest $(PARALLEL) $(NEXT_HYDRA_TESTS) $(PYTEST_ARGS)

environments: $(VENV)/installed-dev $(VENV)-toolkit/installed $(VENV)-legacy/installed ## make every virtual environment, in parallel with --jobs

check: $(VENV)/installed-dev ## check lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed-dev ## apply the fixes of lint and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)-docs/installed ## build the documentation site in site/, without a broken link
	$(VENV)-docs/bin/python docs/collect_pages.py
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --quiet
	cp docs/example-report/* site/docs/example-report/
	@echo "read it: $(PYTHON) -m http.server --bind 127.0.0.1 --directory site"

dist: $(VENV)-dist/installed ## build the wheels and source archives of the three distributions in dist/, and check them
	rm -rf dist
	$(VENV)-dist/bin/python -m build --outdir dist .
	$(VENV)-dist/bin/python -m build --outdir dist launchers
	$(VENV)-dist/bin/python -m build --outdir dist sweepers
	$(VENV)-dist/bin/twine check --strict dist/*

bench: $(VENV)/installed-dev ## measure everything and print one table (half an hour, an hour on slow cores; less with BENCH=features or BENCH=--smoke)
	$(BIN)/python benchmarks $(BENCH)

clean: ## remove the virtual environments, caches and what was built, but neither outputs/ nor multirun/
	rm -rf $(VENV) $(VENV)-legacy $(VENV)-next-hydra $(VENV)-toolkit $(VENV)-docs $(VENV)-dist build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "error: mlqa needs Python 3.10 or newer; choose one by: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/torch: $(VENV)/bin/python
	@echo "installing $(TORCH) ..."
	@$(PIP) install --quiet --no-deps --retries 0 $(TORCH_INDEX) "$(TORCH)"
	@touch $@

$(VENV)/installed: pyproject.toml launchers/pyproject.toml sweepers/pyproject.toml $(VENV)/torch
	@echo "installing mlqa, its launcher, its sweeper and their dependencies ..."
	@$(PIP) install --quiet "$(TORCH)" $(PLUGINS) --editable ".[rehearsal]"
	@touch $@

$(VENV)-legacy/installed: pyproject.toml launchers/pyproject.toml sweepers/pyproject.toml requirements/transformers-4.36.0.txt
	@$(MAKE) --no-print-directory VENV=$(VENV)-legacy $(VENV)-legacy/torch
	@echo "installing mlqa with transformers 4.36 ..."
	@$(VENV)-legacy/bin/python -m pip --disable-pip-version-check install --quiet "$(TORCH)" $(LEGACY)
	@$(VENV)-legacy/bin/python -m pip --disable-pip-version-check install --quiet --no-deps $(PLUGINS) --editable .
	@touch $@

# Without its dependencies first: the launcher asks for Hydra 1.3.
$(VENV)-next-hydra/installed: launchers/pyproject.toml
	$(PYTHON) -m venv $(VENV)-next-hydra
	@echo "installing the launcher with $(NEXT_HYDRA) ..."
	@$(VENV)-next-hydra/bin/python -m pip --disable-pip-version-check install --quiet "$(NEXT_HYDRA)" \
	  "boto3>=1.36" "sagemaker-core>=2.27,<3" "moto[s3,server]>=5.2.5" "rich>=13" "pytest>=8" "pytest-xdist>=3.8" "hypothesis>=6.100"
	@$(VENV)-next-hydra/bin/python -m pip --disable-pip-version-check install --quiet --no-deps $(LAUNCHER)
	@touch $@

$(VENV)-toolkit/installed:
	$(PYTHON) -m venv $(VENV)-toolkit
	@$(VENV)-toolkit/bin/python -m pip --disable-pip-version-check install --quiet sagemaker-training==5.1.4 hydra-core==1.3.8
	@touch $@

$(VENV)-docs/installed: docs/requirements.txt
	$(PYTHON) -m venv $(VENV)-docs
	@$(VENV)-docs/bin/python -m pip --disable-pip-version-check install --quiet -r docs/requirements.txt
	@touch $@

$(VENV)-dist/installed:
	$(PYTHON) -m venv $(VENV)-dist
	@$(VENV)-dist/bin/python -m pip --disable-pip-version-check install --quiet "build>=1.2" "twine>=6"
	@touch $@

$(VENV)/installed-dev: pyproject.toml launchers/pyproject.toml sweepers/pyproject.toml $(VENV)/torch
	@echo "installing mlqa, its launcher, its sweeper, their dependencies, and the tools of tests and checks ..."
	@$(PIP) install --quiet "$(TORCH)" $(PLUGINS) --editable ".[dev]"
	@touch $(VENV)/installed $@
