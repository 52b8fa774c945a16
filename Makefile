PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/sh

# Bytecode and caches stay inside the project.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

.PHONY: help
help: ## say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.stamp ## make .venv from the lock, with the command parcours in it, and the console
	@console/setup

# The stamp is written last, so a set-up that was cut short is taken up again.
$(VENV)/.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is not. Say which one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "making $(VENV): a few minutes the first time"
	@rm -f $@
	@$(BIN)/python -c '' 2>/dev/null || rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

.PHONY: demo
demo: setup ## play two journeys on the embedded stack (ends by itself with CI=1)
	@$(BIN)/parcours demo

.PHONY: test
test: setup ## run every test
	@tests/e2e/clients/setup
	@tests/browser/setup
	@tests/monitoring/setup
	@console/run test
	@$(BIN)/python -m pytest -n 4 --dist load --maxschedchunk 1

.PHONY: bench
bench: setup ## measure the budgets and print them as JSON; SIZE=1m: with a million contacts
	@SIZE=$(SIZE) $(BIN)/python -m benchmarks $(if $(SIZE),large)

.PHONY: lint
lint: setup ## ruff, mypy --strict, the import contracts, and biome and tsc for the console
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports
	@console/run check

.PHONY: docs
docs: setup ## write the pages and the schema that are made from the code
	@$(BIN)/python -m journeys.reference.json_schema > docs/journey.schema.json
	@$(BIN)/python -m journeys.reference.language_tables > docs/language-reference.md
	@$(BIN)/python -m journeys.library > docs/library.md
	@$(BIN)/python -m infra.metrics_page > docs/metrics.md
	@$(BIN)/python -m infra.dashboard > infra/deploy/monitoring/dashboard.json

.PHONY: lock
lock: setup ## resolve requirements.lock again
	@CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --extra dev --extra export --extra otel \
	  --all-build-deps \
	  --allow-unsafe --strip-extras --generate-hashes --no-annotate --no-emit-index-url \
	  --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml
	@# pytest would rewrite every module that the metadata lists, the workflows' among them.
	@rm -rf parcours.egg-info
