# Every target works as the first command on a fresh machine with Python 3.11+, pip and make.
PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
PIP := $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -c constraints.txt
RUNS := .venv/.runs
READY := .venv/.ready

.PHONY: setup demo test check docs bench clean

setup: $(READY)

# What it takes to run sfumato.
$(RUNS): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@# Some systems ship Python without ensurepip; the pip outside serves both ways.
	$(PYTHON) -m venv .venv >/dev/null 2>&1 || $(PYTHON) -m venv --without-pip .venv
	@# PyTorch comes first and by itself, at the release that is tested, so that nothing
	@# else chooses another.
	$(PIP) torch==2.13.0
	$(PIP) -e ".[opencv,raw,learn]"
	touch $@

# What it takes to work on it.
$(READY): $(RUNS)
	$(PIP) -e ".[opencv,raw,ocio,learn,diffusion,dxf,dev]"
	touch $@

demo: $(RUNS)
	$(BIN)/sfumato demo -o demo --overwrite

test: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS) -q --deselect tests/doors/test_doors.py::test_the_doors_open_in_time

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .import_linter_cache
	$(BIN)/python -m pytest -q -p no:randomly tests/doors

docs: $(READY)
	$(PIP) -e ".[docs]"
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(READY)
	$(BIN)/python benchmarks/fusion.py
	$(BIN)/python benchmarks/alignment.py
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/lut.py

clean:
	rm -rf .venv demo docs/_build docs/gallery docs/_auto dist
