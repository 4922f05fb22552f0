# make run    install, then run the whole way on the built-in sample
# make test   install, then lint, type-check and test
# make misra  cppcheck's MISRA C:2012 addon on the device's C
# make fuzz   libFuzzer on the device's sample interface, ten minutes for each of three programs

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out

.PHONY: run install lint test misra fuzz clean

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

misra:
	.ci/misra

fuzz: install
	$(BIN)/python benchmarks/fuzz.py --seconds 600

clean:
	rm -rf $(VENV) $(OUT) build *.egg-info
