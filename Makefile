# make demo: set everything up and build a dataset from real photographs.
# make test: set everything up and run the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test check bench lock clean

demo: $(INSTALLED)
	$(BIN)/python -m fexdata.cli.demo

test: $(INSTALLED)
	@sh tools/browser.sh
	$(BIN)/python -m pytest

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.build
	$(BIN)/python -m benchmarks.accuracy
	$(BIN)/python -m benchmarks.review
	$(BIN)/python -m benchmarks.render
	$(BIN)/python -m benchmarks.fitting
	$(BIN)/python -m benchmarks.fitting_dense
	$(BIN)/python -m benchmarks.annotate
	$(BIN)/python -m benchmarks.loader
	$(BIN)/python -m benchmarks.train_step
	$(BIN)/python -m benchmarks.methods

# The lock file is what gets installed; the package itself is then linked to it.
$(INSTALLED): requirements.lock pyproject.toml
	@sh tools/system_libraries.sh
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check uv
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -r requirements.lock \
		|| $(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra s3 --no-header --no-annotate \
		--python-version 3.11 --universal -q -o requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
