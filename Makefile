.PHONY: test race lint cross ci bench

test:
	go test ./...

race:
	CGO_ENABLED=1 go test -race ./internal/sampler/... ./internal/engine/... ./internal/backend/... ./internal/bench/... ./internal/store/... ./internal/linalg/...

lint:
	go vet ./...
	go test ./internal/lint

cross:
	for t in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do \
		CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} go build -o bin/wattlaw-$${t%/*}-$${t#*/} ./cmd/wattlaw || exit 1; done

# Benchmarks are separate from tests and are never asserted on.
bench:
	go test -run '^$$' -bench . ./internal/kernel/...

ci:
	.ci/run
