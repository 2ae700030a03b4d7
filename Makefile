.PHONY: help test test-fast update-storm demo bench lint format lock clean
PYTEST = PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/pytest

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: lint ## Run everything; builds and runs generated projects
	$(PYTEST) --numprocesses=2 --no-loadscope-reorder

test-fast: .venv/installed ## Run what needs no build, in less than a minute
	$(PYTEST) --numprocesses=2 -m "not slow"

demo: .venv/installed ## Render a project, build its wheel, use it on every Python found
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python scripts/demo.py

bench: .venv/installed ## Measure a project beside other starters, about 10 minutes; writes docs/benchmark.md
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python scripts/benchmark.py

update-storm: .venv/installed ## Update N projects that random owners edited, 500 by default
	STORM=$(or $(N),500) $(PYTEST) --numprocesses=2 tests/test_update_storm.py

lint: .venv/installed ## Check style and types of this repository
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

format: .venv/installed ## Format this repository
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

lock: .venv/installed ## Move requirements.txt to the newest versions that pyproject.toml allows
	.venv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --group=dev --output-file=requirements.txt pyproject.toml

clean: ## Remove the environment and all caches
	git clean -dfX --quiet

.venv/installed: requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement=requirements.txt
	touch $@
