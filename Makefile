# make run    install, then run the whole way on the built-in sample
# make test   install, then lint, type-check and test

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out

.PHONY: run install lint test clean

run: $(VENV)/.installed-run
	$(BIN)/ictus run --out $(OUT)

$(VENV)/.installed-run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[tflite,wearable]'
	touch $@

install: $(VENV)/.installed-dev

$(VENV)/.installed-dev: $(VENV)/.installed-run
	$(BIN)/python -m pip install --quiet --editable '.[all,dev]'
	touch $@

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

test: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

clean:
	rm -rf $(VENV) $(OUT) build *.egg-info
