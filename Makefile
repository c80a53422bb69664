# make demo | make test | make lab | make bench | make install | make lint | make clean
PYTHON ?= python3
VENV   ?= .venv
EXTRAS ?= lab,batch,hdf5,test,bench
DEMO   ?= runs/demo
DEMO_OPTIONS   ?=
PYTEST_OPTIONS ?= -m "not slow" -n 2 --dist loadfile
PEER_BIN ?=
BIN = $(VENV)/bin
READY = $(VENV)/.ready

# numerical threads fight with the two test processes
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-slow lab bench install lint clean

demo: $(READY)
	$(BIN)/hepnb demo -o $(DEMO) $(DEMO_OPTIONS)

test: $(READY)
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lab: $(READY)
	$(BIN)/hepnb lab

bench: $(READY)
	$(BIN)/python -m benchmarks $(if $(PEER_BIN),--peer-bin $(PEER_BIN))

install: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(EXTRAS)]"
	touch $(READY)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
