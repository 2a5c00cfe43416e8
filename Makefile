# `make run` runs Kindwork, `make test` tests it; everything else is for those who change it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PORT HOST KINDWORK_DEMO_PASSWORD

.PHONY: run test check format clean-test

run: $(VENV)/runtime
	@$(BIN)/python -m clinic.embedded.run

test: $(VENV)/development check
	@echo "Running the tests on a real PostgreSQL, with a real worker …"
	@$(BIN)/python -m pytest -n 2

check: $(VENV)/development
	@echo "Checking style, types, imports and templates …"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/djlint --check --lint clinic/templates api/templates

format: $(VENV)/development
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 …"; exit 1; }
	@echo "Making a virtual environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv is missing; on Debian: apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/runtime: requirements.txt | $(VENV)/python
	@echo "Installing what Kindwork needs (about a minute) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt || \
		{ echo "The installation failed; what pip said stands above. Is a package index reachable?"; exit 1; }
	@touch $@

$(VENV)/development: requirements.txt requirements-dev.txt | $(VENV)/python
	@echo "Installing what the tests need (about two minutes) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt || \
		{ echo "The installation failed; what pip said stands above. Is a package index reachable?"; exit 1; }
	@touch $@ $(VENV)/runtime
