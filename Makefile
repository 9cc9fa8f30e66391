# Two commands on a fresh machine with Python 3.11 and git: `make demo` and `make test`.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off

# The first interpreter that runs and is new enough; a version manager's shim may exist and still not run.
PYTHON := $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)

.PHONY: help demo test check lint bench clean

help:
	@echo 'make demo    install, then render a shot, edit it by prompt and judge the result'
	@echo 'make test    install with the test tools, then every check and test (what CI runs)'
	@echo 'make check   the same as make test'
	@echo 'make lint    format, lint, docstrings, types and layers, without the tests'
	@echo 'make bench   measure cost: every script in benchmarks/'
	@echo 'make clean   remove the environment and every cache'

demo: $(VENV)/.installed
	$(BIN)/shotgraph demo

test check: $(VENV)/.installed-test
	$(BIN)/nox --session check

lint: $(VENV)/.installed-test
	$(BIN)/nox --session lint

bench: $(VENV)/.installed
	@missed=0; for name in startup engine transcode exactness; do \
	  echo "== $$name"; $(BIN)/python "benchmarks/$$name.py" || missed=1; \
	done; exit $$missed

clean:
	rm -rf $(VENV) .nox .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@if [ -z '$(PYTHON)' ]; then \
		echo 'make: Python must be 3.11 or newer, got none on PATH; install python3.11' >&2; exit 1; fi
	$(PYTHON) -m venv $(VENV)

# The stamps make a second run start at once; a changed pyproject.toml installs again.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.installed
