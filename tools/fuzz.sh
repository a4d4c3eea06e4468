#!/usr/bin/env bash
# Runs every Go fuzz target of the repository, one after the other, and names those
# that found something at the end.
#
#   tools/fuzz.sh DURATION      for each target, e.g. 30s or 2m
set -euo pipefail
cd "$(dirname "$0")/.."

readonly duration=${1:?usage: fuzz.sh DURATION}
mapfile -t hits < <(git grep --untracked -oE "^func Fuzz[A-Za-z0-9_]*" -- "*_test.go" ":!tools" | sort)

((${#hits[@]})) || { echo "no fuzz targets" && exit 0; }
found=()
for hit in "${hits[@]}"; do
	file=${hit%%:*} name=${hit##*func }
	echo "== $name ($(dirname "$file"), $duration)"
	# By default a minute may pass in making each new input shorter; of large ones, all of it does.
	go test -run '^$' -fuzz "^$name\$" -fuzztime "$duration" -fuzzminimizetime 1s "./$(dirname "$file")" ||
		found+=("$name")
done
((${#found[@]} == 0)) || { echo "found something: ${found[*]}" && exit 1; }
