# `make demo` and `make test` need only Python 3.11 and make: they set up what they use.
PYTHON ?= python3
BACKENDS := torch tensorflow jax
BACKEND ?= $(BACKENDS)
# Two test processes: each backend compiles on one core most of the time.
PYTEST_ARGS ?= -n 2 --dist worksteal
# One backend is enough to see whether the oldest Keras still does.
OLDEST_BACKEND ?= torch
TEST := .venv-test
OLDEST := .venv-oldest
FLOWER := .venv-flower
FLOWER_BACKEND ?= torch
WHEEL := .venv-wheel
SDIST := .venv-sdist
DEMO := .venv-demo
BENCH := .venv-bench
GPU := .venv-gpu
DOCS ?= .venv-docs
# Which guides to run: beginnings of their names, such as "01 13"; all where it is empty.
GUIDES ?=
# Of `make gpu`: the folder with CIFAR-10, and how long WideResNet-28-10 trains. GPU_ARGS are flags
# of its script, or of that of `make gpu-bench`.
DATA_DIR ?= data
MINUTES ?= 60
GPU_ARGS ?=

export TF_CPP_MIN_LOG_LEVEL ?= 3
export FLWR_TELEMETRY_ENABLED ?= 0
export FLWR_DISABLE_UPDATE_CHECK ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Where it is set, each of the many processes of the suite compiles every module of ours anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-oldest flower wheel-test sdist-test lint format readme docs guides \
  bench bench-methods bench-curvature tuned-methods gpu gpu-bench clean

help:  ## Say what each target does.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: $(DEMO)/ready  ## Train on noisy digits with SGD and with SAM, and compare (two minutes).
	KERAS_BACKEND=jax $(DEMO)/bin/keras-sam demo

# What does not depend on the backend runs on the first one of the list alone.
test: $(TEST)/ready  ## Run the tests on all three backends; BACKEND=jax for one.
	@set -e; set --; for backend in $(BACKEND); do \
	  echo "== KERAS_BACKEND=$$backend"; \
	  KERAS_BACKEND=$$backend $(TEST)/bin/python -m pytest $(PYTEST_ARGS) "$$@" tests; \
	  set -- -m "not once"; \
	done

test-oldest: $(OLDEST)/ready  ## Run the tests of the core with the oldest Keras we promise.
	# An old Keras may be warned of what is deprecated since.
	KERAS_BACKEND=$(OLDEST_BACKEND) $(OLDEST)/bin/python -m pytest $(PYTEST_ARGS) -W default \
	  tests/contract tests/methods $(wildcard tests/test_*.py)

# In an environment of its own: Flower wants a protobuf of which tensorflow-datasets makes warnings.
flower: $(FLOWER)/ready  ## Test the strategy for Flower, and train by Flower's own processes.
	KERAS_BACKEND=$(FLOWER_BACKEND) $(FLOWER)/bin/python -m pytest tests/federated/test_flower.py
	KERAS_BACKEND=$(FLOWER_BACKEND) $(FLOWER)/bin/python benchmarks/flower_processes.py

wheel-test:  ## Build the wheel, install it alone into a fresh environment, and train there.
	rm -rf build/lib build/bdist* dist $(WHEEL)
	$(PYTHON) -m pip wheel -q --no-deps --wheel-dir=dist .
	$(PYTHON) -m venv $(WHEEL)
	$(WHEEL)/bin/pip install -q "$$(ls dist/*.whl)[apps,jax]"
	KERAS_BACKEND=jax $(WHEEL)/bin/python .github/try_wheel.py
	cd $(WHEEL) && KERAS_BACKEND=jax bin/keras-sam train --list=models

sdist-test:  ## Build the source distribution, unpack it, and run its fast tests from there.
	rm -rf dist/*.tar.gz $(SDIST)
	$(PYTHON) -m venv $(SDIST)
	$(SDIST)/bin/pip install -q build
	$(SDIST)/bin/python -m build -q --sdist --outdir=dist .
	tar -xzf dist/*.tar.gz -C $(SDIST)
	$(SDIST)/bin/pip install -q "$$(ls dist/*.tar.gz)[apps,dev,jax,sharpness]"
	# Without those of data sets, which TensorFlow writes.
	cd $(SDIST)/keras_sam-*/ && KERAS_BACKEND=jax ../bin/python -m pytest -n 2 tests/sharpness \
	  tests/test_fixture.py tests/test_cards.py tests/test_registry.py tests/test_guides.py

lint: $(TEST)/ready  ## Check style, the direction of imports, and types.
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/lint-imports --no-logo
	$(TEST)/bin/mypy

format: $(TEST)/ready  ## Format the code.
	$(TEST)/bin/ruff check --fix .
	$(TEST)/bin/ruff format .

readme: $(TEST)/ready  ## Bring the table of methods, badges and buttons up to date.
	KERAS_BACKEND=jax $(TEST)/bin/python docs/update_methods.py
	KERAS_BACKEND=jax PYTHONPATH=. $(TEST)/bin/python docs/which_method.py
	KERAS_BACKEND=jax PYTHONPATH=. $(TEST)/bin/python docs/update_cards.py
	$(TEST)/bin/python docs/addresses.py

docs: $(DOCS)/docs-ready  ## Build the site into build/docs, and look at each page in a browser.
	KERAS_BACKEND=jax $(DOCS)/bin/sphinx-build -q -W --keep-going -d build/doctrees docs build/docs
	$(DOCS)/bin/python -m pytest docs/test_site.py

guides: $(DOCS)/docs-ready  ## Run the guides and keep their outputs; GUIDES="01 13" for some.
	$(DOCS)/bin/python docs/run_guides.py $(GUIDES)

bench: $(BENCH)/ready  ## Measure a step against plain fit and against peers, on each backend.
	@set -e; for backend in $(BACKEND); do \
	  KERAS_BACKEND=$$backend $(BENCH)/bin/python benchmarks/step_time.py --peers \
	    --output=benchmarks/results/step_time_$$backend.json; \
	done

bench-methods: $(BENCH)/ready  ## Measure the step of every method, on each backend.
	@set -e; for backend in $(BACKEND); do \
	  KERAS_BACKEND=$$backend $(BENCH)/bin/python benchmarks/step_time.py --methods=all \
	    --output=benchmarks/results/methods_$$backend.json; \
	done

tuned-methods: $(TEST)/ready  ## Tune every method alike on digits, and make the table of it.
	KERAS_BACKEND=jax $(TEST)/bin/python apps/reproduce.py --table=methods --workdir=runs/methods \
	  --resume
	KERAS_BACKEND=jax $(TEST)/bin/python benchmarks/tuned_methods.py --workdir=runs/methods
	KERAS_BACKEND=jax PYTHONPATH=. $(TEST)/bin/python docs/which_method.py
	KERAS_BACKEND=jax PYTHONPATH=. $(TEST)/bin/python docs/update_cards.py

bench-curvature: $(BENCH)/ready  ## Measure curvature products, and compare them with curvlinops.
	@set -e; for backend in $(BACKEND); do \
	  KERAS_BACKEND=$$backend $(BENCH)/bin/python benchmarks/hvp.py \
	    --output=benchmarks/results/hvp_$$backend.json; \
	done
	KERAS_BACKEND=torch $(BENCH)/bin/python benchmarks/curvature_peer.py \
	  --output=benchmarks/results/curvature_peer.json

gpu: $(GPU)/ready  ## On a GPU: every method's step, step times, E6, and WRN-28-10 for MINUTES.
	$(GPU)/bin/python benchmarks/gpu.py --data_dir=$(DATA_DIR) --minutes=$(MINUTES) $(GPU_ARGS)

gpu-bench: $(GPU)/ready  ## On a GPU: SAM's step in bfloat16 at 224 pixels, beside steps by hand.
	@set -e; for backend in $(filter jax torch,$(BACKEND)); do \
	  KERAS_BACKEND=$$backend $(GPU)/bin/python benchmarks/gpu_bench.py $(GPU_ARGS) \
	    --output=benchmarks/results/gpu_bench_$$backend.json; \
	done

clean:  ## Remove the environments and the runs.
	rm -rf $(TEST) $(OLDEST) $(FLOWER) $(DEMO) $(BENCH) $(GPU) $(WHEEL) $(SDIST) $(DOCS) runs \
	  build dist *.egg-info

$(DEMO)/ready: pyproject.toml
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/pip install -q -e '.[jax]' filelock matplotlib pandas 'Pillow>=11.3' scikit-learn \
	  scipy tabulate
	touch $@

$(TEST)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TEST)
	# PyTorch first: a resolver that may choose brings its CUDA build.
	$(TEST)/bin/pip install -q -r constraints.txt
	$(TEST)/bin/pip install -q -c constraints.txt -e '.[apps,dev,jax,sharpness,tensorflow,torch]'
	touch $@

# Not `ready`: DOCS=.venv-test adds what the site needs to the environment of the tests.
$(DOCS)/docs-ready: pyproject.toml
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/pip install -q -e '.[docs,jax]'
	touch $@

$(OLDEST)/ready: pyproject.toml constraints.txt constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/pip install -q -r constraints.txt -r constraints-oldest.txt
	$(OLDEST)/bin/pip install -q -c constraints.txt -c constraints-oldest.txt \
	  -e '.[apps,dev,jax,sharpness,tensorflow,torch]'
	touch $@

$(FLOWER)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(FLOWER)
	$(FLOWER)/bin/pip install -q -r constraints.txt
	$(FLOWER)/bin/pip install -q -c constraints.txt -e '.[apps,federated,torch]' pytest
	touch $@

$(BENCH)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install -q -r constraints.txt
	$(BENCH)/bin/pip install -q -c constraints.txt -e '.[jax,sharpness,tensorflow,torch]' \
	  curvlinops-for-pytorch flax optax pytorch-optimizer tf_keras
	touch $@

# Without constraints.txt, which asks for builds for CPUs.
$(GPU)/ready: pyproject.toml
	$(PYTHON) -m venv $(GPU)
	$(GPU)/bin/pip install -q -e '.[apps,torch]' 'jax[cuda12]' flax optax pytest pytorch-optimizer
	touch $@
