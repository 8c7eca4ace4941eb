# make demo: everything from nothing to the table.  make test: everything CI runs.
# PYTHON chooses the interpreter that .venv is made from.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
JOBS ?= 2
XLA_INCLUDE = $(shell test -d $(VENV)/xla_include && echo $(abspath $(VENV)/xla_include))

# torch comes first and alone: this exact version is a CPU build, and nothing later may pull another.
TORCH := torch==2.13.0
FRAMEWORKS := tensorflow-cpu==2.21.* jax==0.10.2 flax==0.12.8 keras==3.15.* h5py
BUILD_TOOLS := cmake ninja "pybind11>=2.13" "scikit-build-core>=0.10"

.PHONY: env build demo test native-test lint pytest bench bench-all docs wheels clean
.DEFAULT_GOAL := build

$(VENV)/.created:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.frameworks: $(VENV)/.created
	$(PIP) $(TORCH)
	$(PIP) $(TORCH) $(FRAMEWORKS) $(BUILD_TOOLS)
	touch $@

# The oldest FFI header that is supported; where it cannot be had, the installed jaxlib's will do for this machine.
$(VENV)/.xla_header: $(VENV)/.created csrc/bind/xla/fetch_header.py
	$(BIN)/python csrc/bind/xla/fetch_header.py $(VENV)/xla_include || \
	  echo "No old jaxlib to take the FFI header from: building against the installed one."
	touch $@

# The package itself is imported from this folder; the build below puts the libraries into it.
$(VENV)/.package: $(VENV)/.frameworks pyproject.toml
	$(PIP) --no-build-isolation -C wheel.cmake=false -C editable.mode=inplace $(TORCH) -e .
	touch $@

$(VENV)/.demo: $(VENV)/.package
	$(PIP) --no-build-isolation -C wheel.cmake=false -C editable.mode=inplace $(TORCH) -e ".[demo]"
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) --no-build-isolation -C wheel.cmake=false -C editable.mode=inplace $(TORCH) -e ".[demo,test,vision]"
	$(PIP) --no-deps tf_keras==2.21.0  # only to write files as the oracle's TensorFlow classes did
	$(PIP) --no-deps openai-whisper==20250625  # only for GPT-2's vocabulary, which it carries as ranks
	$(PIP) --no-deps --upgrade --target $(VENV)/transformers-4.51.3 "transformers==4.51.3" "tokenizers>=0.21,<0.22"  # the last oracle of some searches
	$(PIP) --no-deps --upgrade --target $(VENV)/vocabularies mistral-common==1.13.1  # only for its sentencepiece models
	touch $@

env: $(VENV)/.package

build: $(VENV)/.package $(VENV)/.xla_header
	mkdir -p build
	$(BIN)/cmake -S . -B build/cmake -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
	  -DPython_EXECUTABLE=$(abspath $(BIN)/python) \
	  -DPYTRANSFORMERS_XLA_INCLUDE=$(XLA_INCLUDE) > build/configure.log 2>&1 \
	  || { cat build/configure.log; exit 1; }
	grep binding build/configure.log
	$(BIN)/cmake --build build/cmake -j $(JOBS)
	$(BIN)/cmake --install build/cmake --prefix . > /dev/null

demo: build $(VENV)/.demo
	$(BIN)/pytransformers demo

test: lint native-test pytest

lint: build $(VENV)/.test
	$(BIN)/ruff check .

# The C++ tests under AddressSanitizer and UBSan; those of threads again under ThreadSanitizer.
native-test: build/native-test build/native-test-thread

.PHONY: build/native-test build/native-test-thread
build/native-test-thread: SANITIZE = -DPYTRANSFORMERS_SANITIZE=thread
build/native-test build/native-test-thread: $(VENV)/.frameworks
	$(BIN)/cmake -S . -B $@ -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) -DPYTRANSFORMERS_NATIVE_TESTS=ON \
	  $(SANITIZE) > /dev/null
	$(BIN)/cmake --build $@ -j $(JOBS)
	$(BIN)/ctest --test-dir $@ --output-on-failure

# One worker for each of two cores; a file stays with one worker, so a framework is imported by few of them.
pytest: build $(VENV)/.test
	OMP_NUM_THREADS=1 TF_CPP_MIN_LOG_LEVEL=2 $(BIN)/python -m pytest -n 2 --dist loadfile tests

# What `make bench` compares with and nothing else needs: in a folder of its own, so that nothing replaces torch.
$(VENV)/.bench: $(VENV)/.test
	$(PIP) $(TORCH) "scikit-learn>=1" "networkx<=3.6.1" rich
	$(PIP) --no-deps --upgrade --target $(VENV)/bench-peers onnx onnxruntime onnxscript onnx-ir flatbuffers \
	  openvino openvino-telemetry nncf "pydot<=4.0.1" tabulate ctranslate2 torchao \
	  matplotlib contourpy cycler fonttools kiwisolver pyparsing python-dateutil six
	touch $@

# Kernels and whole models beside their peers, within 60 minutes. FAMILY="attention linear" or MODELS=minilm: only those.
# OUT=docs/benchmarks writes the page of the documentation. WITHOUT=torch.compile leaves that peer out.
MINUTES ?= 55
OUT ?= build/benchmarks/table
bench: build $(VENV)/.bench
	$(BIN)/python -m benchmarks --minutes $(MINUTES) --out $(OUT) \
	  $(if $(FAMILY),--families $(FAMILY)) $(if $(MODELS),--models $(MODELS)) \
	  $(if $(WITHOUT),--without $(WITHOUT))

# Also import, loading, generation, tokenizers and pipelines.
bench-all: bench
	$(BIN)/python -m pytest benchmarks -s --benchmark-only --benchmark-disable-gc

docs: $(VENV)/.package
	$(PIP) --no-build-isolation -C wheel.cmake=false -C editable.mode=inplace $(TORCH) -e ".[docs]"
	$(BIN)/mkdocs build --strict --site-dir build/site

wheels: $(VENV)/.frameworks $(VENV)/.xla_header
	$(BIN)/python -m pip wheel -q --no-deps --no-build-isolation --wheel-dir dist \
	  -C cmake.define.PYTRANSFORMERS_XLA_INCLUDE=$(XLA_INCLUDE) .

clean:
	rm -rf build dist pytransformers/lib pytransformers/_native*.so
