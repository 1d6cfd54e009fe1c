# The two commands of the README are `make demo` and `make test`; each does all of its own set-up.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# A PYTHON that was asked for is the one that runs: an environment of another version is made again.
ifneq ($(origin PYTHON),file)
OTHER  := $(if $(wildcard $(STAMP)),$(shell [ "`$(BIN)/python -V`" = "`$(PYTHON) -V`" ] || echo other-python))
endif

.PHONY: demo test check lint types imports format snapshots bench mutants fuzz clean

demo: $(STAMP)
	$(BIN)/mtls-tui demo

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist loadgroup

check: lint types imports test

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

snapshots: $(STAMP)
	$(BIN)/python -m pytest tests/tui -k looks_as_it_did --snapshot-update

bench: $(STAMP)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

mutants: $(STAMP)
	$(BIN)/python tests/mutants.py

fuzz: $(STAMP)
	$(BIN)/python tests/fuzz.py
	$(BIN)/python tests/fuzz_certificates.py
	$(BIN)/python tests/fuzz_lua.py
	ODD_SETS=2000 $(BIN)/python -m pytest tests/analysis/test_odd_rules.py -q

clean:
	rm -rf $(VENV) .venv-oldest build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: other-python
$(STAMP): pyproject.toml $(OTHER)
	$(PYTHON) -c 'import sys; sys.exit("mtls-tui needs Python 3.11 or newer; set PYTHON=/path/to/python3" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(if $(OTHER),--clear) $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[gateway,dev]'
	touch $@
