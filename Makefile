# Every target works as the first command on a fresh machine with Python 3.11+, pip and make.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
WORKERS ?= 2

.PHONY: setup demo test check docs bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[opencv,raw,dev]"
	touch $@

demo: setup
	$(BIN)/sfumato demo -o demo --overwrite

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) -q

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .import_linter_cache
	$(BIN)/python -m pytest -q -p no:randomly tests/doors

docs: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: setup
	$(BIN)/python benchmarks/fusion.py
	$(BIN)/python benchmarks/alignment.py

clean:
	rm -rf .venv demo docs/_build docs/gallery dist
