# Bare `make` lists the targets.

GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2

ARGS     ?=
SEEDS    ?= 500
CYCLES   ?= 100
SHARE    ?= 1
TURN     ?= 0
FUZZTIME ?= 30s
FORM     ?= short
# Added to `go test` by test and race, for example TESTFLAGS=-v.
TESTFLAGS ?=

SOURCE_DIRS   = bench cmd engine ingest query server
FUZZDIRS     ?= $(SOURCE_DIRS)
RACE_PACKAGES ?= ./bench/workload/... ./cmd/... ./engine/... ./ingest/... ./query/... ./server/...

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/millstream
	$(GO) build -o bin/millstream ./cmd/millstream

.PHONY: demo
demo: build ## build, then run a broker, a live stream and the database (ARGS="--rate 5000 --for 10s")
	bin/millstream demo $(ARGS)

.PHONY: test
test: ## run all tests that need nothing but the toolchain
	$(GO) test -short -timeout 20m $(TESTFLAGS) ./...

.PHONY: race
race: ## run them under the race detector
	$(GO) test -race -short -timeout 30m $(TESTFLAGS) $(RACE_PACKAGES)

.PHONY: lint
lint: ## check formatting, vet, staticcheck
	@unformatted=$$(gofmt -l $(SOURCE_DIRS)); \
	if [ -n "$$unformatted" ]; then echo "not gofmt'd:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

.PHONY: fmt
fmt: ## format the sources
	gofmt -w $(SOURCE_DIRS)

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME=30s, two at a time (FUZZDIRS='ingest query/parser': those there)
	@GO=$(GO) .ci/fuzz $(FUZZTIME) $(FUZZDIRS)

.PHONY: oracle
oracle: ## compare SEEDS=500 random databases with plain DuckDB, and some with themselves in other batches
	$(GO) test ./engine/enginetest -run TestOracle -count=1 -timeout 120m -v -args -seeds=$(SEEDS)
	$(GO) test ./engine/enginetest -run TestMetamorphic -count=1 -timeout 60m -v -args -seeds=$$(( ($(SEEDS) + 19) / 20 ))

.PHONY: sqltest
sqltest: ## run the SQL test files, each under four settings (ARGS=-rewrite fills results in)
	$(GO) test ./server/sqltest -count=1 -args $(ARGS)

.PHONY: faults
faults: ## plant faults in the engine and see the oracle find each (SHARE=4 TURN=1: a quarter of them)
	$(GO) test ./engine/enginetest -run 'TestPlantedFaults|TestRarePaths' -count=1 -timeout 120m -v -args -faults -share=$(SHARE) -turn=$(TURN)

.PHONY: crash
crash: ## kill the process CYCLES=100 times while it ingests, and look for lost and repeated records
	$(GO) test ./bench/torture -run TestCrash -count=1 -timeout 240m -v -args -cycles=$(CYCLES)

.PHONY: torture
torture: ## run everything that breaks Millstream on purpose and print a page of it (FORM=long: days; ARGS="-only 'crash|abuse' -json page.json")
	$(GO) run ./bench/torture/page -form $(FORM) $(ARGS)

.PHONY: test-kafka
test-kafka: ## run against a real Apache Kafka, also with Confluent's Python serializers (java, mvn and python3; or KAFKA_BROKERS=host:port)
	$(GO) test ./bench/realkafka -run 'TestRealKafka|TestForeignSerializers' -tags realkafka -count=1 -timeout 60m -v

.PHONY: test-clients
test-clients: ## run psql, drivers, ORMs and BI tools' queries against Millstream and a PostgreSQL 15 (RUN='TestPsql|TestJDBC': some of them)
	$(GO) test ./server/clienttest -run '$(RUN)' -count=1 -timeout 30m -v -args -clients $(ARGS)

.PHONY: test-superset
test-superset: ## install Apache Superset from PyPI (1 GB) and walk its REST API over Millstream and a PostgreSQL 15
	$(GO) test ./server/clienttest -run TestSuperset -count=1 -timeout 30m -v -args -clients -superset $(ARGS)

.PHONY: bench
bench: ## measure a replay of 5 million records beside its limits
	$(GO) run ./bench/replay $(ARGS)

.PHONY: bench-queries
bench-queries: ## measure queries beside a PostgreSQL 15 (ARGS="-for=200ms -rounds=1": a short form)
	$(GO) run ./bench/queries $(ARGS)

.PHONY: bench-formats
bench-formats: ## measure the decoders of all formats beside the libraries (ARGS="-for=100ms": a short form)
	$(GO) run ./bench/formats $(ARGS)

.PHONY: bench-peers
bench-peers: ## measure Millstream beside Spark, Flink, Kafka Streams and others (ARGS="-records=200000 -runs=1 -only=millstream,spark -out=/tmp": a short form)
	$(GO) run ./bench/peers $(ARGS)

.PHONY: cover
cover: ## run the tests and print the coverage
	@mkdir -p bin
	$(GO) test -short -coverprofile=bin/cover.out ./...
	$(GO) tool cover -func=bin/cover.out | tail -n 1

.PHONY: check
check: lint test race ## lint, test and race

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
