# For those who like make; nothing needs it. `make help` lists what is here.
PYTHON := .venv/bin/python

.PHONY: help setup check test fix wheel clean

help: ## print this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  \1\t/'

setup: ## make .venv with everything that the checks need
	python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[mcu,data,dev,docs]'

check: ## every check: lint, format, imports, types, tests
	$(PYTHON) -m tests

test: ## the tests alone
	$(PYTHON) -m tests pytest

fix: ## format, and mend what ruff can mend
	$(PYTHON) -m ruff check --fix . ; $(PYTHON) -m ruff format .

wheel: ## build the wheel into dist/
	$(PYTHON) -m hatchling build -t wheel

clean: ## remove what the checks and builds left behind
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
