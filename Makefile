# Everything a person does here is one of these words; `make` alone lists them.
# A comment after ## is what the list says about a target.

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
REHEARSAL := $(BIN)/python -m rehearsal
# Recomputes the market from its published events, while the services of a played year still run.
AUDIT := cd tests && ../$(BIN)/python -m support.auditor --registry $$CARBONMARKET_REGISTRY_ADDRESS \
	--trading $$CARBONMARKET_TRADING_ADDRESS --clearing $$CARBONMARKET_CLEARING_ADDRESS

# Options of single targets; empty means the default that the target's line names.
PLAN ?=
PREVIOUS_CLOSES ?=
MONTHS ?=
LANE ?=
SEED ?=
SEEDS ?=
BASE ?=
ONLY ?=

# make takes a folder for a target with nothing to do: without a rule `make tests` would look as if they had passed.
FOLDERS := $(filter-out bench proto,$(patsubst %/.,%,$(wildcard */.)))

.PHONY: $(FOLDERS)
.PHONY: help setup lock demo market reset year test simulate check proto verify release bench bench-check

help: ## list every target
	@echo "usage: make TARGET"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(FOLDERS):
	@echo "no target \`$@\`, it is a folder$(if $(filter tests,$@),: \`make test\` runs the tests); \`make\` alone lists every target" >&2
	@exit 2

setup: ## make the environment .venv from requirements.lock; quick when it is up to date
	@$(PYTHON) scripts/setup

demo: setup ## play one market day through three real services and show what it left in the books
	@$(REHEARSAL) demo

market: setup ## keep a market running on this machine until Ctrl-C; its data stays in var/
	@$(REHEARSAL) market

reset: setup ## clear the data that `make market` keeps in var/
	@$(REHEARSAL) reset

year: setup ## play the market's first 356 trading days (MONTHS=n: n months; PLAN=file.csv: its days)
	@$(REHEARSAL) year $(if $(PLAN),--plan $(PLAN)) $(PREVIOUS_CLOSES:%=--previous-close %) $(if $(MONTHS),--months $(MONTHS)) --then '$(AUDIT)'

test: check ## run every check and every test, lane by lane (LANE=unit: only that lane)
	@$(BIN)/python scripts/lanes $(LANE)

simulate: setup ## play the simulated market from 500 fresh seeds (SEEDS=n BASE=b: n seeds from b; SEED=s: that one)
	@$(BIN)/python scripts/simulate $(SEED:%=--seed %) $(SEEDS:%=--seeds %) $(BASE:%=--base %)

check: setup ## check format, lint, types, imports, proto/, and that generated code is what proto/ gives
	@echo "== ruff format"; $(BIN)/ruff format --check --quiet --output-format concise . || { echo "run \`.venv/bin/ruff format .\`"; exit 1; }
	@echo "== ruff check"; $(BIN)/ruff check --quiet --output-format concise .
	@echo "== mypy"; $(BIN)/mypy
	@echo "== lint-imports"; $(BIN)/lint-imports --no-cache --no-logo
	@echo "== buf lint"; $(BIN)/buf lint
	@echo "== buf breaking"; if [ -e proto/released.binpb ]; then $(BIN)/buf breaking --against proto/released.binpb; fi
	@echo "== proto"; $(BIN)/python scripts/generate --check && $(BIN)/python scripts/access --check

proto: setup ## generate libs/contracts and docs/access.md from proto/ (commit what it writes)
	@$(BIN)/python scripts/generate
	@$(BIN)/python scripts/access

verify: setup ## check every log that `make market` keeps in var/: its digest chain, and what others heard of it
	@$(REHEARSAL) verify

release: setup ## pin proto/ as released and name this commit in releases/ (commit what it writes)
	@$(BIN)/python scripts/release

bench: setup ## measure every row of docs/performance.md, in at most an hour (ONLY="P2a P5": those rows)
	@$(BIN)/python -m bench $(ONLY)

bench-check: setup ## measure the recorded rows and fail where a ratio fell by more than a fifth
	@$(BIN)/python -m bench --check $(ONLY)

lock: setup ## compile requirements.in, and that of bench/, into their locks anew (needs uv)
	@command -v uv >/dev/null || { echo "Missing: uv. How to get it: \`pip install uv\`."; exit 1; }
	@for list in requirements bench/requirements; do uv pip compile $$list.in --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --upgrade --custom-compile-command "make lock" --quiet \
		--output-file $$list.lock || exit 1; done
