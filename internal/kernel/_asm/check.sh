#!/bin/sh
# Fails when the committed assembly is not what the generators write.
set -eu
cd "$(dirname "$0")"
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
sh generate.sh "$fresh"
for isa in avx512 avx2; do
	for f in kernels_amd64.s stubs_amd64.go; do
		cmp "$fresh/$isa/$f" "../$isa/$f" || {
			echo "internal/kernel/$isa/$f is stale: run go generate ./internal/kernel" >&2
			exit 1
		}
	done
done
