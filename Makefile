# Everything a person or CI calls. Needs Python 3.11+, pip and make; installs the rest itself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
STATE := $(or $(NONAGON_STATE_DIR),var)
WORKERS ?= 2

.DEFAULT_GOAL := help

.PHONY: help demo prepared up test scenarios access fuzz faults audit-dependencies lint types check fmt bench migrate migration schemas lock assets browser clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 12

$(VENV)/.server: requirements.lock pyproject.toml
	$(PYTHON) deploy/bootstrap.py --venv $(VENV) --lock requirements.lock --stamp $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.server
	$(PYTHON) deploy/bootstrap.py --venv $(VENV) --lock requirements-dev.lock --stamp $@

assets: $(VENV)/.server ## Bundle style sheets, scripts and translations
	@$(BIN)/python -m gateway.portal.build

browser: $(VENV)/.dev
	@$(BIN)/python deploy/browser.py

prepared: $(VENV)/.server
	@test -e $(STATE)/prepared || { $(BIN)/python -m compileall -q services gateway edge marketplace search && \
	  $(BIN)/nonagon prepare && touch $(STATE)/prepared; }

demo: assets prepared ## Run the main job on embedded servers with a simulated park (ARGS="--once [--replay]")
	@$(BIN)/nonagon demo $(ARGS)

up: assets prepared ## Run the platform alone on embedded servers
	@$(BIN)/nonagon up $(ARGS)

test: $(VENV)/.dev assets browser ## Run every test, in parallel (ARGS="tests/unit -k name" narrows, and runs one by one)
	@$(BIN)/python -m pytest $(or $(ARGS),-m "not alone" -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=40)
	@$(if $(ARGS),,$(BIN)/python -m pytest -m alone $$(grep -rlF pytest.mark.alone tests --include='test_*.py'))

scenarios: $(VENV)/.dev ## Play every scenario alone; ends with scenarios=N passed=N
	@$(BIN)/python -m tests.scenarios

lint: $(VENV)/.dev ## Style, layers of the architecture, insecure constructs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/bandit -q -c pyproject.toml --severity-level medium -r services gateway edge marketplace search deploy

access: $(VENV)/.dev ## Try everything as everybody; ends with probes=N wrong=N
	@$(BIN)/python -m tests.access

fuzz: $(VENV)/.dev ## Send what nobody should, for long: HTTP, Sparkplug, files
	@$(BIN)/python -m tests.fuzz
	@$(BIN)/python -m pytest tests/integration/booking/test_slot_market_machine.py --hypothesis-profile=fuzz -q

faults: $(VENV)/.dev assets ## Kill servers and doors while sixteen book (ARGS=--quick takes minutes); ends with one line of JSON
	@$(BIN)/python -m tests.faults.kills $(ARGS)

audit-dependencies: $(VENV)/.dev ## Known flaws of all dependencies; fails, saying so, where advisories are out of reach
	@$(BIN)/python deploy/audit_dependencies.py

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

check: lint types test ## What CI runs

fmt: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

$(VENV)/.bench: requirements-bench.lock $(VENV)/.dev
	$(PYTHON) deploy/bootstrap.py --venv $(VENV) --lock requirements-bench.lock --stamp $@

bench: $(VENV)/.bench ## Run one benchmark: NAME=pipeline [ARGS=--quick]
	@test -n "$(NAME)" || { echo "usage: make bench NAME=pipeline [ARGS=--quick]"; exit 2; }
	@$(BIN)/python -m tests.perf.$(subst -,_,$(NAME)) $(ARGS)

migrate: $(VENV)/.server ## Bring the database of NONAGON_DATABASE_URL to the newest schema
	@$(BIN)/nonagon migrate

migration: $(VENV)/.dev ## Write a migration from the difference between tables and schema: M="what changes"
	@test -n "$(M)" || { echo 'usage: make migration M="add column x"'; exit 2; }
	@$(BIN)/python deploy/migrations/new.py "$(M)"

schemas: $(VENV)/.server ## Rewrite docs/openapi.json, docs/access.md and docs/directions.md from the code
	@$(BIN)/python -m gateway.http.openapi > docs/openapi.json
	@$(BIN)/python -m gateway.http.access_document > docs/access.md
	@$(BIN)/python -m gateway.http.directions_document > docs/directions.md

lock: $(VENV)/.dev ## Resolve the newest versions into the two locks
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --upgrade --extra build --extra edge --extra server pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --upgrade -c requirements.lock \
	  --extra build --extra edge --extra server --extra dev pyproject.toml -o requirements-dev.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --upgrade -c requirements-dev.lock \
	  --extra build --extra edge --extra server --extra dev --extra bench pyproject.toml -o requirements-bench.lock

clean: ## Remove what was built; state of the embedded servers stays in var/
	rm -rf $(VENV) node_modules gateway/portal/node_modules gateway/portal/static
