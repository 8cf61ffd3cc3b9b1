# What a user and CI need. `make run` and `make test` work on a bare machine with Python 3.11+ and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPREAD := -n auto --maxprocesses 4 --dist loadfile

.PHONY: run test chaos check format bench lock clean

run: $(VENV)/.run  ## everything installed, a playground and the bot up, its address printed
	$(BIN)/python -m bot playground

test: $(VENV)/.dev  ## the tests; those that need a server skip with a reason where there is none
	$(BIN)/python -m pytest $(SPREAD)

chaos: $(VENV)/.dev  ## each kill point, once and twice; then a storm of kills over 2,000 steps; 15 minutes
	$(BIN)/python -m pytest $(SPREAD) -m chaos --ignore=tests/chaos
	$(BIN)/python -m pytest -s -m chaos tests/chaos

check: $(VENV)/.dev  ## what CI runs: lint, format, types, migrations in step, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy bot workers playground tests bench examples
	$(BIN)/python -m pytest $(SPREAD)

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev  ## figures as JSON and a table
	$(BIN)/python -m bench

lock: $(VENV)/.dev  ## both lock files anew, with hashes and no index's address
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra local --extra otel --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.txt
	$(BIN)/uv pip compile pyproject.toml --extra local --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -c requirements-dev.txt -o requirements.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis artefacts

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/it."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.run
