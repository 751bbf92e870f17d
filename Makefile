# Every target works as the first command on a fresh machine with Python 3.11+, pip and make.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
WORKERS ?= 2
PIP := $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: setup demo test check docs bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@# Some systems ship Python without ensurepip; the pip outside serves both ways.
	$(PYTHON) -m venv .venv >/dev/null 2>&1 || $(PYTHON) -m venv --without-pip .venv
	$(PIP) -e ".[opencv,raw,dev]"
	touch $@

demo: setup
	$(BIN)/sfumato demo -o demo --overwrite

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) -q --deselect tests/doors/test_doors.py::test_the_doors_open_in_time

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .import_linter_cache
	$(BIN)/python -m pytest -q -p no:randomly tests/doors

docs: setup
	$(PIP) -e ".[docs]"
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: setup
	$(BIN)/python benchmarks/fusion.py
	$(BIN)/python benchmarks/alignment.py

clean:
	rm -rf .venv demo docs/_build docs/gallery dist
