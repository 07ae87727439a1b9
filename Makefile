# Two commands matter: `make demo` runs the main job, `make test` runs the tests. Both set up .venv first.
PYTHON ?= python3.11
VENV   := .venv
UV     := $(VENV)/bin/uv
STAMP  := $(VENV)/.installed
UV_VERSION := 0.13.9

# pip's find-links (a folder of wheels) also hold for uv, which does not read pip's settings.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)

.PHONY: demo test check lint types lock setup clean benchmarks envtest image-locks test-exhaustive

setup: $(STAMP)

$(STAMP): requirements/lock.txt pyproject.toml
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	@$(VENV)/bin/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || { echo "Python 3.11 or 3.12 is needed: make PYTHON=/path/to/python3.11 …"; rm -rf $(VENV); exit 1; }
	$(VENV)/bin/python -m pip install --quiet uv==$(UV_VERSION)
	$(UV) pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements/lock.txt
	$(UV) pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	$(VENV)/bin/kubeflow-easymaker demo

# A kube-apiserver and etcd in the user's cache, for the tests of the cluster engine: found, downloaded or built once.
envtest: setup
	$(VENV)/bin/python tests/kubernetes/assets/make_envtest.py

# EASYMAKER_API_SERVER_TESTS=0 leaves out what needs a Kubernetes API server, and the building of one at the first time.
test: setup
	@test "$(EASYMAKER_API_SERVER_TESTS)" = 0 || $(VENV)/bin/python tests/kubernetes/assets/make_envtest.py \
	  || echo "no Kubernetes API server could be had: the tests that need one are skipped"
	$(VENV)/bin/python -m pytest

test-exhaustive: envtest
	EASYMAKER_EXHAUSTIVE_TESTS=1 $(VENV)/bin/python -m pytest -m exhaustive

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports

types: setup
	$(VENV)/bin/pyright

check: lint types test

benchmarks: setup
	$(VENV)/bin/python -m benchmarks

# The lock holds hashes and no registry address, so it works behind any mirror.
lock: setup
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 --extra local --extra cluster --extra components --group dev pyproject.toml requirements/build.in -o requirements/lock.txt

# One lock per container image, from the same pyproject.toml; without local wheels, which no image has.
COMPILE := UV_FIND_LINKS= $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11
LOCKS   := requirements/images
image-locks: setup
	$(COMPILE) -c requirements/lock.txt $(LOCKS)/build.in -o $(LOCKS)/build.txt
	$(COMPILE) -c requirements/lock.txt --extra cluster pyproject.toml -o $(LOCKS)/adapter.txt
	$(COMPILE) -c requirements/lock.txt --extra storage pyproject.toml -o $(LOCKS)/storage-initializer.txt
	$(COMPILE) -c requirements/lock.txt --extra suggestions pyproject.toml -o $(LOCKS)/katib-suggestions.txt
	$(COMPILE) -c requirements/lock.txt --extra components pyproject.toml -o $(LOCKS)/python-components.txt
	$(COMPILE) kserve_runtimes/models/sklearn.requirements.txt -o $(LOCKS)/mlserver.txt
	for image in python-train pytorch-train tensorflow-train-cpu tensorflow-train-gpu; do \
	  $(COMPILE) --extra launcher pyproject.toml $(LOCKS)/$$image.in $(LOCKS)/train-tools.in -o $(LOCKS)/$$image.txt || exit 1; \
	  $(COMPILE) --extra components pyproject.toml $(LOCKS)/$$image.in -o $(LOCKS)/$$image-components.txt || exit 1; done

clean:
	rm -rf $(VENV)
