#!/usr/bin/env bash
# Builds Go packages into a folder and shows how far it is: a first build
# compiles some 1,600 packages and would otherwise say nothing for minutes.
#
#   tools/go-build.sh OUTPUT LDFLAGS PACKAGE…
set -euo pipefail
cd "$(dirname "$0")/.."

readonly output=$1 ldflags=$2
shift 2

total=$(go list -deps "$@" | wc -l)
mkdir -p "$output"
go build -v -ldflags "$ldflags" -o "$output/" "$@" 2>&1 | awk -v total="$total" '
	# -v prints a package path a line; anything else is an error worth showing.
	/^[A-Za-z0-9_.\/~+-]+$/ { if (++n % 100 == 0) printf "  compiled %d of at most %d packages\n", n, total; fflush(); next }
	/^go: downloading/ { if (++d % 50 == 0) printf "  downloaded %d modules\n", d; fflush(); next }
	{ print; fflush() }
'
