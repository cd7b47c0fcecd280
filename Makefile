# One virtual environment in .venv; every target sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
CONTRIB := $(wildcard plugins-contrib/*)
PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal

.PHONY: song test test-all check plugin format clean

song: .venv/song  ## set up, and render the examples' night drive
	mkdir -p renders
	$(BIN)/muze generate --manifest examples/night-drive.yaml --output renders/night-drive.wav

test: .venv/dev  ## set up, and run the tests
	$(PYTEST)

test-all: .venv/dev  ## the long tests too
	$(PYTEST) -m "slow or not slow"

check: .venv/dev  ## what must hold before a commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy muze $(wildcard plugins-contrib/*/muze_*)

plugin: .venv/dev  ## a stream from outside comes and goes without touching muze
	$(BIN)/python -m pip uninstall --quiet --yes muze-brightness
	! $(BIN)/muze plugins info brightness
	$(BIN)/python -m pip install --quiet --no-deps -e plugins-contrib/muze-brightness
	$(BIN)/muze plugins check brightness

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

.venv/song: .venv/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e . -e plugins-contrib/muze-starter
	touch $@

.venv/dev: .venv/python pyproject.toml constraints.txt $(CONTRIB:%=%/pyproject.toml)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]" $(CONTRIB:%=-e %)
	# without the TensorFlow it asks for: only the weights in it are used
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt basic-pitch musicnn
	touch $@

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache
