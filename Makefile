# SPDX-License-Identifier: Apache-2.0
# Everything here needs Go and make; `integration` and `bench` install the rest themselves.
GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 20s

.PHONY: run build test race integration soak bench lint fuzz vectors clean

run: ## embedded Kafka, worker and a sample pipeline
	$(GO) run ./cmd/penstock quickstart

build: ## one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/penstock ./cmd/penstock

test: ## everything that needs only Go, with invariants on
	$(GO) vet ./...
	$(GO) test -run Alloc ./batch/... ./codec/... ./connectors/... ./engine/... ./internal/... ./smt/... # invariants allocate: these run without
	./scripts/gotest -tags invariants ./...

race: ## the concurrent rooms under the race detector
	$(GO) test -race ./batch/... ./engine/... ./internal/kafka/... ./internal/ring/... ./worker/... ./connectors/...

integration: build ## against real servers, which it installs, starts and stops
	./scripts/integration

soak: build ## the fault suite in its long form: an hour or more, 200 kills and more; see docs/faults.md
	./scripts/integration soak

bench: ## races the JVM worker and the raw client, each row in under a minute; rewrites BENCHMARKS.md
	$(GO) run ./bench -run figures -results bench/results -md BENCHMARKS.md -flames docs/img

lint: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(GO) vet -tags invariants ./...
	$(GO) vet -tags e2e ./...
	$(GO) run $(STATICCHECK) -tags invariants ./...

fuzz: ## every fuzz target, FUZZTIME each
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; done; done

vectors: ## the golden vectors of this tree through the conformance command
	$(GO) run ./cmd/conformance smt/testdata/vectors codec/testdata/vectors config/testdata/vectors

clean:
	rm -rf bin
