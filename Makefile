# Shortcuts for people who work on kgraph; `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help install test quick lint format check serve wheel clean

help:  ## list the shortcuts
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

$(BIN)/kgraph: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e '.[test]'
	@touch $@

install: $(BIN)/kgraph  ## an editable installation in .venv with everything the tests need

test: install  ## everything, as CI runs it
	$(BIN)/python -m pytest --cov

quick: install  ## the tests without the slow ones (packaging, browser)
	$(BIN)/python -m pytest -x -q --ignore=tests/test_packaging.py --ignore=tests/browser

lint: install  ## linter, formatter, types and layers
	$(BIN)/python -m pytest -q tests/architecture

format: install  ## lay out Python files
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: install  ## the ontology and the data against syntax, shapes and check queries
	$(BIN)/kgraph check

serve: install  ## the server at http://127.0.0.1:8000
	$(BIN)/kgraph serve

wheel: install  ## wheel and sdist in dist/
	$(BIN)/python -m build --no-isolation

clean:  ## what the other shortcuts made
	rm -rf $(VENV) build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
