# `make` lists the targets. All of them share one release build, so each dependency is compiled once.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

XDG_CACHE_HOME ?= $(HOME)/.cache
CARGO_TARGET_DIR ?= $(XDG_CACHE_HOME)/wilhelm/target
export CARGO_TARGET_DIR
WILHELM := $(CARGO_TARGET_DIR)/release/wilhelm

.PHONY: help setup build web demo room examples test bench conformance performance performance-networks performance-gpu results test-codecs test-models test-onnx test-gpu test-examples test-interop test-web fmt lint docs schema fuzz advisories clean

DATA ?= ../shared/data

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: ## check what the build needs; install what is missing (as root on Debian)
	@tools/setup.sh

build: setup ## the program, in $CARGO_TARGET_DIR/release
	cargo build --release --locked -p wilhelm-cli

web: ## the page, in web/dist; the next build takes it into the program (needs Node 20 or later)
	cd web && npm ci && npm run build

demo: build ## fetch a small language model and read three images into out/demo
	@tools/demo.sh "$(WILHELM)"

room: web build ## the reading room in a browser, with three sample studies that were read (ctrl-c stops it)
	"$(WILHELM)" serve --demo

examples: build ## the three sample images in every form a report has, draft and signed, and a patient's record, in out/examples
	@tools/examples.sh "$(WILHELM)"

test: ## everything CI runs: format, lints, tests, documentation, licenses
	@tools/setup.sh test
	@tools/test.sh

bench: build ## speed and memory: a CT series beside pydicom and SimpleITK, models, whole commands, language model
	@tools/bench.sh "$(WILHELM)"

conformance: setup ## write docs/conformance.md anew: which DICOM files decode to the reference's pixels ($DATA)
	cargo build --release --locked --workspace --example conformance
	"$(CARGO_TARGET_DIR)/release/examples/conformance" "$(DATA)/dicom_conformance" > "$(CARGO_TARGET_DIR)/conformance.md"
	cp "$(CARGO_TARGET_DIR)/conformance.md" docs/conformance.md

performance: setup ## write docs/performance.md anew: filters and codecs beside their peers ($DATA)
	cargo build --release --locked --workspace --example kernels --example codecs
	PYTHONPATH="$$(tools/setup.sh filters)" && export PYTHONPATH DATA="$(DATA)" && \
	  python3 tools/bench/kernels.py "$(CARGO_TARGET_DIR)/release/examples/kernels" \
	    --markdown "$(CARGO_TARGET_DIR)/performance.md" && \
	  python3 tools/bench/codecs.py "$(CARGO_TARGET_DIR)/release/examples/codecs" "$(DATA)/dicom_conformance" \
	    --append "$(CARGO_TARGET_DIR)/performance.md"
	cp "$(CARGO_TARGET_DIR)/performance.md" docs/performance.md
	$(MAKE) performance-networks

performance-networks: setup ## write the table of networks in docs/performance.md anew: beside PyTorch and ONNX Runtime
	cargo build --release --locked --workspace --features wilhelm-cli/ort --example networks
	PYTHONPATH="$$(tools/setup.sh networks)" && export PYTHONPATH && \
	  ORT_DYLIB_PATH="$$(python3 tools/onnx_runtime.py)" && export ORT_DYLIB_PATH && python3 tools/bench/networks.py \
	  "$(CARGO_TARGET_DIR)/release/examples/networks" --into docs/performance.md

performance-gpu: setup ## write docs/performance-gpu.md anew: networks on a graphics processor beside PyTorch's CUDA
	cargo build --release --locked --workspace --features wilhelm-cli/gpu --example networks
	python3 tools/bench/networks.py "$(CARGO_TARGET_DIR)/release/examples/networks" --device cuda --times 30 \
	  --into docs/performance-gpu.md

results: ## write docs/results.md anew from the shipped cards and models/runs, and the baselines of models/runs into the cards
	python3 tools/cards.py
	python3 tools/results.py > docs/results.md.new
	mv docs/results.md.new docs/results.md

test-codecs: setup ## the readers' tests with the C codecs built in: OpenJPEG and CharLS
	cargo nextest run --cargo-profile release --locked -p wilhelm-formats --no-default-features --features openjpeg,charls

test-models: build ## what the tests skip without models: the small language model and the encoder of texts (fetched once), and a build with the feature vision
	"$(WILHELM)" models fetch smollm2 && "$(WILHELM)" models fetch minilm
	cargo nextest run --cargo-profile release --locked --workspace \
	  -E 'binary(small_model) or binary(adapter) or binary(injections) or binary(request_readers) or test(real_encoder) or test(minilm)'
	cargo nextest run --cargo-profile release --locked -p wilhelm-llm --features vision -E 'binary(vision)'

test-onnx: setup ## networks by ONNX Runtime, a build with the feature ort (its library comes as a Python package)
	PYTHONPATH="$$(tools/setup.sh onnx)" && export PYTHONPATH && \
	  ORT_DYLIB_PATH="$$(python3 tools/onnx_runtime.py)" && export ORT_DYLIB_PATH && \
	  cargo nextest run --cargo-profile release --locked --workspace --features wilhelm-cli/ort \
	    -E 'package(wilhelm-nets) and test(onnx) or package(wilhelm-cli) and test(onnx)'

test-gpu: setup ## networks on a graphics processor, or a software renderer, through Vulkan: a build with the feature gpu
	tools/setup.sh gpu
	cargo nextest run --cargo-profile release --locked -p wilhelm-nets -p wilhelm-cli --features wilhelm-cli/gpu \
	  -E 'package(wilhelm-nets) and test(graphics) or package(wilhelm-cli) and test(graphics)'

test-examples: examples ## the examples of every form, each opened in its reader: pdftoppm, dsrdump, dciodvfy, highdicom, FHIR and HL7 parsers
	@tools/interop.sh "$(CARGO_TARGET_DIR)/release/examples" examples

test-interop: setup ## what is written, read by dciodvfy, dcmtk, highdicom, SimpleITK, nibabel, ONNX Runtime, FHIR and HL7 parsers; a model server asked
	cargo build --release --locked --workspace --bin wilhelm --example write_objects --example write_volumes \
	  --example write_onnx --example write_reports --example endpoint --example write_audit
	@tools/interop.sh "$(CARGO_TARGET_DIR)/release/examples"

test-web: web build ## the page: types, style, unit tests, and journeys in headless Chromium ($DATA)
	cd web && npm run check && npm test
	tools/journeys.sh "$(WILHELM)" "$(DATA)"

fmt: ## format the sources
	cargo fmt --all

lint: setup ## clippy over everything, warnings are errors
	cargo clippy --release --locked --workspace --all-targets -- -D warnings

docs: setup ## the documentation of every crate, in $CARGO_TARGET_DIR/doc
	RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --workspace --no-deps

schema: setup ## write the committed JSON Schema of a report anew from the code
	@mkdir -p "$(CARGO_TARGET_DIR)"
	cargo run --release --locked -p wilhelm-report --example schema > "$(CARGO_TARGET_DIR)/report.schema.json"
	cp "$(CARGO_TARGET_DIR)/report.schema.json" schemas/report.schema.json

fuzz: SECONDS ?= 600
fuzz: ## hostile bytes for every reader, SECONDS=600 each (TARGETS="nifti nrrd" for some of them)
	@command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz --version 0.13.2
	fuzz/run.sh $(SECONDS) $(TARGETS)

advisories: ## known vulnerabilities of the dependencies (fetches the advisory database)
	@tools/setup.sh test
	"$$(tools/setup.sh path cargo-deny)" --workspace check advisories

clean: ## remove what was built and the demo's output
	rm -rf out
	cargo clean
