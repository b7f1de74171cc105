# Plain `make` lists what there is. For GNU make 3.81 and later, any POSIX shell.

ARGS     =
BENCH    = .
FUZZTIME = 10s
KILLS    = 200

# ./... does not look below testdata.
PACKAGES = ./... ./testdata/needs ./testdata/powercut
TOOL     = go tool -modfile=.tools/go.mod
DIST     = linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64 windows-arm64

# No C compiler is needed, except by the race detector.
export CGO_ENABLED = 0

# One thing at a time, so that the lab has the terminal to itself under make -j too.
.NOTPARALLEL:
.PHONY: help lab build test race fuzz kill bench lint golden reference fmt dist

help: ## list the targets (plain make does the same)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

lab: build ## build the lab and open it; ARGS="--tls 1.2 --lang pt-BR" gives it options
	@./bin/tlslab lab $(ARGS)

build: ## build bin/tlslab
	@command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or later (https://go.dev/dl/) and try again." >&2; exit 1; }
	@test -x bin/tlslab || echo "Building bin/tlslab. The first time takes a minute."
	@go build -trimpath -o bin/tlslab ./cmd/tlslab || { echo "The build failed; the lines above say why." >&2; exit 1; }

test: ## run every test
	go test -timeout 10m $(PACKAGES)

race: ## run every test under the race detector (wants a C compiler)
	CGO_ENABLED=1 go test -race -timeout 20m $(PACKAGES)

fuzz: ## run every fuzz target in turn, FUZZTIME (10s) each
	@set -e; \
	for dir in $$(find . -name '*_test.go' ! -path './.*' -exec grep -l '^func Fuzz' {} + | sed 's|/[^/]*$$||' | sort -u); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$dir/*_test.go | sort -u); do \
			echo "== $$dir $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$dir; \
		done; \
	done

kill: ## kill a store, and a server, under load KILLS (200) times each, and look for what was acknowledged
	TLSLAB_KILLS=$(KILLS) go test -count=1 -timeout 4h -v -run 'TestAProcessThatIsKilled|TestAServerThatIsKilled' ./kvs/store ./cmd/tlslab

bench: ## run the benchmarks; BENCH=REGEXP chooses
	go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 30m ./...

lint: ## check the formatting, go vet, staticcheck
	@odd=$$($(TOOL) gofumpt -l cmd docs inspect kvs testdata tui) || exit 1; \
	test -z "$$odd" || { printf '%s\nNot formatted as gofumpt does it; run: make fmt\n' "$$odd" >&2; exit 1; }
	go vet $(PACKAGES)
	$(TOOL) staticcheck $(PACKAGES)

golden: ## write the golden files anew (read the difference before you commit it)
	@set -e; \
	for dir in $$(find . -name '*_test.go' ! -path './.*' -exec grep -l 'flag\.[A-Za-z]*("update"' {} + | sed 's|/[^/]*$$||' | sort -u); do \
		echo "== $$dir"; \
		go test $$dir -update; \
	done

reference: ## write the manual's commands, options, keys and JSON keys anew, from the code
	go test ./cmd/tlslab -run TestTheReferenceSaysWhatTheCodeSays -update

fmt: ## format every file
	$(TOOL) gofumpt -l -w cmd docs inspect kvs testdata tui

dist: ## build binaries for six systems in bin/dist
	@set -e; \
	for system in $(DIST); do \
		os=$${system%-*}; arch=$${system#*-}; suffix=; \
		test $$os != windows || suffix=.exe; \
		echo "bin/dist/tlslab-$$system$$suffix"; \
		GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags '-s -w' -o bin/dist/tlslab-$$system$$suffix ./cmd/tlslab; \
	done
