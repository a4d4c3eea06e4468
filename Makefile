# The only entry point. `make help` lists the verbs; `make test` is what CI runs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory --no-builtin-rules

PYTHON ?= $(shell command -v python3.11 || echo python3)
GOLANGCI_LINT_VERSION := v2.15.0
COSMOVISOR_VERSION := v1.5.0
FUZZTIME ?= 30s
BENCH_HOSTS ?= 100,1000,10000

VENV := .venv/bin
TOOLS := .tools/bin
STAMPS := .tools/stamps
UV := .tools/uv/bin/uv

GO_COMMANDS := $(patsubst %/main.go,%,$(wildcard $(addsuffix /main.go, \
	inference-chain/cmd/inferenced inference-chain/cmd/simcore decentralized-api/cmd/dapi)))
LONG_GO = $(patsubst %,./%,$(sort $(dir $(shell git grep --untracked -l '^//go:build long' -- '*_test.go'))))
PY_TESTS = $(wildcard mlnode/tests simulation/tests testnet/tests)
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS = -s -w \
	-X github.com/cosmos/cosmos-sdk/version.Name=ninefold \
	-X github.com/cosmos/cosmos-sdk/version.AppName=inferenced \
	-X github.com/cosmos/cosmos-sdk/version.Version=$(VERSION)

.PHONY: help setup build proto proto-check vectors lint format test test-go test-py test-long \
	fuzz testnet compose-test bench-chain bench-mlnode bench-sim look lock clean preflight \
	compiler cosmovisor build-upgrade

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: preflight $(STAMPS)/python $(STAMPS)/plugins $(STAMPS)/linters build ## Install and build everything the other verbs need
	@echo "ready: try 'make testnet'"

build: ## Build the Go programs into build/
	@if [[ -n "$(GO_COMMANDS)" ]]; then \
		echo "building $(notdir $(GO_COMMANDS)) into build/"; \
		tools/go-build.sh build "$(LDFLAGS)" $(addprefix ./,$(GO_COMMANDS)); \
	fi

proto: $(STAMPS)/python $(STAMPS)/plugins ## Generate Go and Python from proto/ (ACCEPT=1 also allows breaking changes)
	@tools/proto.sh generate
	@if [[ -n "$(ACCEPT)" ]]; then tools/proto.sh accept; fi

proto-check: $(STAMPS)/python $(STAMPS)/plugins ## Lint the schemas; refuse breaking changes and stale generated code
	@tools/proto.sh check

vectors: ## Write the golden vectors that Go owns into proto/vectors/
	go run ./inference-chain/cmd/vectors

lint: $(STAMPS)/python $(STAMPS)/plugins $(STAMPS)/linters ## Run every static check
	@echo "schemas: lint, breaking changes, stale code" && tools/proto.sh check && \
		$(VENV)/buf format --exit-code -d proto
	@echo "golden vectors and tables made from the code" && \
		go run ./inference-chain/cmd/vectors -check
	@echo "state machine: integers, no clock, no chance, no map order" && \
		go vet -vettool=$(TOOLS)/statecheck ./inference-chain/core/... ./inference-chain/x/...
	@echo "golangci-lint" && $(TOOLS)/golangci-lint run --allow-parallel-runners && \
		cd tools && ../$(TOOLS)/golangci-lint run --allow-parallel-runners --config ../.golangci.yml
	@echo "ruff" && $(VENV)/ruff check -q . && $(VENV)/ruff format -q --check .
	@echo "pyright" && $(VENV)/pyright

format: $(STAMPS)/python $(STAMPS)/linters ## Format Go, Python and the schemas
	@$(TOOLS)/golangci-lint fmt
	@$(VENV)/ruff check -q --fix-only .
	@$(VENV)/ruff format -q .
	@$(VENV)/buf format -w proto

test: setup lint test-go test-py ## Set up, check and run the tests: what CI runs

test-long: compiler test cosmovisor build-upgrade ## `make test`, then Go's tests under the race detector, then the long tests (hours)
	go test -race -timeout 90m ./...
	go test -tags long -timeout 90m $(LONG_GO)
	$(VENV)/pytest -m "long and not gpu" --timeout 3600 $(PY_TESTS)

fuzz: ## Fuzz every Go target for FUZZTIME (default 30s) each
	@tools/fuzz.sh $(FUZZTIME)

testnet: preflight $(STAMPS)/python build ## Boot a network on this machine and watch its epochs (EPOCHS=n to stop after n)
	@$(VENV)/testnet up $(if $(EPOCHS),--epochs $(EPOCHS))

bench-chain: ## Measure blocks and messages of the chain beside their goals (BENCH_HOSTS=100,1000,10000)
	@mkdir -p docs/benchmarks
	@{ go test -run '^$$' -bench 'Check200' ./inference-chain/core/commit; \
		go test -run '^$$' -bench 'Batches256|Verdict' ./inference-chain/x/inference/keeper; \
		go test -run '^$$' -bench BlockWork -benchtime 1x -timeout 0 ./inference-chain/app -bench-hosts=$(BENCH_HOSTS); \
		go test -run '^$$' -bench 'LargeHosts|FullBlock' -benchtime 1x -timeout 0 ./inference-chain/app -bench-large-hosts=100; \
	} | tee /dev/stderr | (cd tools && go run ./benchrows ../docs/benchmarks/chain.json)

compose-test: build ## Run the containers through an epoch (root, Docker Engine, docker-compose; BASE_IMAGE to build on)
	@work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; ops/containers/test.sh "$$work"

bench-mlnode: $(STAMPS)/python ## Measure the proof against float models on this CPU and its GPUs (on an idle machine)
	@mkdir -p docs/benchmarks
	@$(VENV)/python mlnode/benchmarks/cpu.py docs/benchmarks/mlnode.json
	@$(VENV)/python mlnode/benchmarks/gpu.py docs/benchmarks/mlnode-gpu.json
	@$(VENV)/python tools/benchmarks.py

PEERS := mesa radcad simpy

bench-sim: $(STAMPS)/python build $(PEERS:%=.tools/bench/%/ready) ## Measure the simulator against Mesa, radCAD and SimPy (on an idle machine)
	@$(VENV)/python simulation/benchmarks/measure.py docs/benchmarks/sim.json .tools/bench
	@$(VENV)/python tools/benchmarks.py

look: $(STAMPS)/python ## Look at the simulator's pages in a browser: pictures, errors, overflow (Chromium, if there is one)
	@$(VENV)/python tools/look.py build/look

lock: $(UV) ## Resolve requirements.in into requirements.lock
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		requirements.in -o requirements.lock

clean: ## Remove what was built (ALL=1 also the environments)
	@rm -rf build .tools/proto-deps .pytest_cache .ruff_cache .hypothesis
	@if [[ -n "$(ALL)" ]]; then rm -rf .venv .tools; fi

# --- parts of the verbs above ---

# The race detector links C.
compiler:
	@command -v cc >/dev/null || { echo "missing: a C compiler (cc), which Go's race detector needs"; exit 1; }

preflight:
	@tools/preflight.sh $(PYTHON)

test-go:
	cd tools && go test ./...
	go test ./...

# Networks of processes want the machine to themselves; everything else shares it.
test-py:
	$(VENV)/pytest -n auto --maxprocesses 4 --dist loadfile -m "not long and not gpu and not e2e" $(PY_TESTS)
	$(VENV)/pytest -m "e2e and not long and not gpu" $(PY_TESTS)

$(UV): tools/bootstrap.lock
	@echo "installing uv"
	@$(PYTHON) -m venv --clear .tools/uv
	@.tools/uv/bin/pip install -q --disable-pip-version-check --require-hashes -r tools/bootstrap.lock
	@touch $@

MEMBERS := $(wildcard $(addsuffix /pyproject.toml,mlnode simulation testnet proto/gen))

$(STAMPS)/packages: $(UV) requirements.lock
	@echo "installing the Python environment (6.5 GiB: PyTorch for GPUs is most of it)"
	@mkdir -p $(STAMPS)
	@[[ -x $(VENV)/python ]] || $(UV) venv -q --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync --require-hashes --compile-bytecode requirements.lock
	@touch $@

$(STAMPS)/python: $(STAMPS)/packages $(MEMBERS)
	@VIRTUAL_ENV=.venv $(UV) pip install -q --no-deps --no-sources $(foreach m,$(MEMBERS),-e ./$(dir $(m)))
	@VIRTUAL_ENV=.venv $(UV) pip check -q
	@touch $@

# Each peer has an environment of its own: their pins contradict ours and each other.
.tools/bench/%/ready: simulation/benchmarks/%.txt $(UV)
	@echo "installing $*"
	@$(UV) venv -q --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(@D)
	@VIRTUAL_ENV=$(@D) $(UV) pip install -q -r $<
	@touch $@

$(STAMPS)/plugins: Makefile tools/go.mod tools/go.sum $(wildcard tools/statecheck/*.go)
	@echo "building the code generators and statecheck"
	@mkdir -p $(STAMPS)
	@cd tools && GOBIN="$(CURDIR)/$(TOOLS)" go install tool ./statecheck
	@touch $@

# golangci-lint brings gofumpt; its module would drag hundreds of others into ours.
$(STAMPS)/linters: $(STAMPS)/linters-$(GOLANGCI_LINT_VERSION)
	@touch $@

# Changes a chain node's program at the height of an upgrade: `testnet up --cosmovisor`.
cosmovisor: $(STAMPS)/cosmovisor-$(COSMOVISOR_VERSION)

# Built in its own module, with the versions it pins: `go install` asks for its list of
# versions first, which not every proxy has.
$(STAMPS)/cosmovisor-$(COSMOVISOR_VERSION):
	@echo "building cosmovisor $(COSMOVISOR_VERSION)"
	@mkdir -p $(STAMPS) $(TOOLS)
	@folder=$$(go mod download -json cosmossdk.io/tools/cosmovisor@$(COSMOVISOR_VERSION) \
		| sed -n 's/^\t"Dir": "\(.*\)",$$/\1/p') && \
		go build -C "$$folder" -trimpath -ldflags "-s -w" -o "$(CURDIR)/$(TOOLS)/cosmovisor" ./cmd/cosmovisor
	@touch $@

# A second program, which knows one upgrade more (inference-chain/app/upgrade_trial.go).
build-upgrade:
	@echo "building a second inferenced into build/upgradetest/"
	@GOFLAGS=-tags=upgradetest tools/go-build.sh build/upgradetest \
		"$(LDFLAGS) -X github.com/cosmos/cosmos-sdk/version.Version=$(VERSION)+trial" \
		./inference-chain/cmd/inferenced

$(STAMPS)/linters-$(GOLANGCI_LINT_VERSION):
	@echo "building golangci-lint $(GOLANGCI_LINT_VERSION) (about a minute)"
	@mkdir -p $(STAMPS)
	@GOBIN="$(CURDIR)/$(TOOLS)" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION) 2> >(grep -v '^go: downloading' >&2)
	@touch $@
