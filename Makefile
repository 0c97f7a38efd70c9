# One line of help stands behind each target; `make help` prints them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup quickstart test chaos lint format types bench claims

help: ## Print the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.run: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# torch first and pinned: a looser request may bring a CUDA build of several gigabytes.
	$(PIP) "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(PIP) -e ".[data,index]" openai
	@# Where Python may not write bytecode itself, each of Ray's many processes would compile the package again.
	@$(BIN)/python -m compileall -q platform
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP) -e ".[data,index,worlds,gpl,dev]"
	@# A browser for the tests of pages, which are skipped without one, but not in CI: on Debian, as root, or not at all.
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && \
		! { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 || \
			echo "no browser could be installed: the tests of reports and of the playground in a browser will be skipped"; \
	fi
	@touch $@

setup: $(VENV)/.dev ## Install the package, its data and the development tools into .venv

quickstart: $(VENV)/.run ## Corpus to served embedder on this machine in one go; KEEP=1 leaves it running
	$(BIN)/python examples/quickstart.py $(if $(KEEP),--keep)

test: setup ## All tests, in three processes: those on Ray wait much, and unit tests fill the gaps
	$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder

chaos: setup ## Kill a run 20 times at random moments and a job in every stage, lose and add nodes; CHAOS_SEED=n
	CHAOS_RESULT=docs/chaos.json $(BIN)/python -m pytest -s -m chaos tests/integration

lint: setup ## Style, spelling, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell platform tests examples docs jobs serve benchmarks *.md
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory types

format: setup ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup ## Check the types of the package, strictly
	$(BIN)/mypy

bench: setup ## Measure against peers and limits: all benchmarks, or BENCH=name
	$(PIP) -e ".[bench]"
	for name in $(or $(BENCH),$(notdir $(basename $(wildcard benchmarks/[a-z]*.py)))); do \
		$(BIN)/embedworks bench $$name || exit 1; done

claims: setup ## List the systems with their claims' verdicts
	$(BIN)/embedworks systems
