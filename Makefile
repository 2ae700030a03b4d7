.PHONY: help test test-fast update-storm demo rehearse bench lint format lock bump-pins clean
INSIDE = PATH="$(CURDIR)/.venv/bin:$$PATH"
PYTEST = $(INSIDE) .venv/bin/pytest
# With one of these, Python does not end, pytest does not start, or scripts do not find each other.
unexport PYTHONINSPECT PYTHONOPTIMIZE PYTHONSAFEPATH PYTHONWARNDEFAULTENCODING
PARALLEL = --numprocesses=2 --dist=loadfile --no-loadscope-reorder

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: lint ## Run everything; builds and runs generated projects
	@$(INSIDE) .venv/bin/python scripts/pythons.py
	$(PYTEST) $(PARALLEL)

test-fast: .venv/installed ## Run the quick tests only
	$(PYTEST) $(PARALLEL) -m "not slow"

demo: .venv/installed ## Render a project, build its wheel, use it on every Python found
	@$(INSIDE) .venv/bin/python scripts/demo.py

rehearse: .venv/installed ## Run the workflows of a project on this machine: PROJECT=../my-package, by default a fresh one
	@$(INSIDE) PYTHONPATH=.:scripts .venv/bin/python -m rehearsal.rehearse $(if $(PROJECT),"$(PROJECT)")

bench: .venv/installed ## Compare a project with other starters, about 15 minutes; writes docs/benchmark.md
	@$(INSIDE) .venv/bin/python scripts/benchmark.py

update-storm: .venv/installed ## Update N projects that random owners edited, 500 by default
	STORM=$(or $(N),500) $(PYTEST) $(PARALLEL) tests/test_update_storm.py

lint: .venv/installed ## Check style and types of this repository
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

format: .venv/installed ## Format this repository
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

lock: .venv/installed ## Update requirements.txt to the newest versions that pyproject.toml allows
	.venv/bin/uv pip compile --quiet --upgrade --universal --python-version=3.11 --generate-hashes --no-header --group=dev --output-file=requirements.txt pyproject.toml

bump-pins: .venv/installed ## Update all versions that projects get from here, and requirements.txt
	@$(INSIDE) .venv/bin/python scripts/pins.py
	@$(MAKE) --no-print-directory lock

clean: ## Remove the environment and all caches
	git clean -dfX --quiet

# By uv, since pip takes three times as long.
.venv/installed: requirements.txt
	python3 -m venv .venv
	sed -n '/^uv==/,/#/p' requirements.txt >.venv/uv.txt
	.venv/bin/pip install --quiet --no-user --target= --prefix="$(CURDIR)/.venv" --disable-pip-version-check --require-hashes --requirement=.venv/uv.txt
	.venv/bin/uv pip install --quiet --python=.venv --require-hashes --requirement=requirements.txt
	touch $@
