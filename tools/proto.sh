#!/usr/bin/env bash
# Generates Go and Python from proto/, without any schema registry.
#
#   tools/proto.sh generate   write the generated code into the tree
#   tools/proto.sh check      lint, look for breaking changes, refuse stale code
#   tools/proto.sh accept     record today's schema as the one not to break
#
# Plugins come from tools/go.mod (built into .tools/bin by `make setup`), buf
# and protoc from the pinned Python environment, imported schemas from the Go
# module cache at the very versions the chain is linked with.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly BUF=.venv/bin/buf
readonly PYTHON=.venv/bin/python
readonly DEPS=.tools/proto-deps
readonly IMAGE=proto/image.binpb
readonly PY_OUT=proto/gen/ninefold_proto
readonly MODULE=ninefold.dev
# What belongs to generation; everything else in those folders is hand-written.
readonly GO_OUTS=(
	inference-chain/x/inference/types
	inference-chain/x/validators/types
	decentralized-api/internal/mlnode/mlnodev1
)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

module_dir() { go list -m -f '{{.Dir}}' "$1"; }

# The schemas that ours import, in one folder. Copies, because buf follows no
# link out of its workspace; refreshed when a pinned version moves.
link_deps() {
	local sdk cosmos_proto gogo gateway stamp
	sdk=$(module_dir github.com/cosmos/cosmos-sdk)
	cosmos_proto=$(module_dir github.com/cosmos/cosmos-proto)
	gogo=$(module_dir github.com/cosmos/gogoproto)
	gateway=$(module_dir github.com/grpc-ecosystem/grpc-gateway)
	stamp="$sdk $cosmos_proto $gogo $gateway"
	[[ -f $DEPS/.stamp && $(<"$DEPS/.stamp") == "$stamp" ]] && return

	rm -rf "$DEPS" && mkdir -p "$DEPS/google"
	cp -r "$sdk/proto/cosmos" "$sdk/proto/amino" "$sdk/proto/tendermint" "$DEPS/"
	cp -r "$cosmos_proto/proto/cosmos_proto" "$gogo/gogoproto" "$DEPS/"
	cp -r "$gateway/third_party/googleapis/google/api" "$DEPS/google/"
	# The module cache is read-only; our copy must be removable.
	chmod -R u+w "$DEPS"
	printf '%s' "$stamp" >"$DEPS/.stamp"
}

# generate_go OUT writes OUT/<path inside this module>.
generate_go() {
	$BUF generate --template buf.gen.chain.yaml -o "$scratch/go"
	$BUF generate --template buf.gen.mlnode.yaml -o "$scratch/go"
	mkdir -p "$1" && cp -r "$scratch/go/$MODULE/." "$1/"
	rm -rf "$scratch/go"
}

# generate_python OUT writes the modules of the package ninefold_proto.
generate_python() {
	mkdir -p "$1"
	local sources
	mapfile -t sources < <(cd proto && find inference validators mlnode -name '*.proto' | sort)
	PATH="$PWD/.venv/bin:$PATH" $PYTHON -W ignore -m grpc_tools.protoc -I proto -I "$DEPS" \
		--python_out="$1" --pyi_out="$1" --grpc_python_out="$1" --mypy_grpc_out=quiet:"$1" \
		"${sources[@]}"
	# protoc writes an empty service module for every file without a service.
	grep -rL --include='*_pb2_grpc.py' 'class .*Stub' "$1" | sed -E 'p;s/\.py$/.pyi/' | xargs -r rm -f
	# Ours live inside one package: bare names would meet the package `mlnode`.
	find "$1" \( -name '*_pb2*.py' -o -name '*_pb2*.pyi' \) -print0 | xargs -0 sed -E -i \
		-e 's/^(from|import) (inference|validators|mlnode)\.v1/\1 ninefold_proto.\2.v1/' \
		-e '/_pb2_grpc/!s/([[ (])(inference|validators|mlnode)\.v1\.([a-z_]+_pb2)\./\1ninefold_proto.\2.v1.\3./g'
	find "$1" -type d -name v1 -exec touch {}/__init__.py \;
}

generate() {
	generate_go "$scratch/out"
	generate_python "$scratch/py"
	local dir
	for dir in "${GO_OUTS[@]}"; do
		mkdir -p "$dir" && rm -f "$dir"/*.pb.go "$dir"/*.pb.gw.go
	done
	cp -r "$scratch/out/." .
	find "$PY_OUT" -name '*_pb2*.py*' -delete 2>/dev/null || true
	mkdir -p "$PY_OUT" && cp -r "$scratch/py/." "$PY_OUT/"
}

# stale FRESH PREFIX names the files that differ from their twins in FRESH.
stale() {
	local fresh=$1 prefix=$2 file status=0
	while IFS= read -r file; do
		if ! cmp -s "$fresh/$file" "$prefix$file"; then
			echo "stale: $prefix$file (run: make proto)" && status=1
		fi
	done < <(cd "$fresh" && find . -type f | sed 's|^\./||' | sort)
	return $status
}

# orphans GO PYTHON names generated files whose schema is gone.
orphans() {
	local file status=0
	for file in $(find "${GO_OUTS[@]}" -name '*.pb.go' -o -name '*.pb.gw.go'); do
		[[ -f $1/$file ]] || { echo "orphan: $file (run: make proto)" && status=1; }
	done
	for file in $(cd "$PY_OUT" && find . -name '*_pb2*.py*' -not -path '*/__pycache__/*'); do
		[[ -f $2/$file ]] || { echo "orphan: $PY_OUT/$file (run: make proto)" && status=1; }
	done
	return $status
}

check() {
	local status=0
	$BUF lint proto || status=1
	$BUF breaking proto --against "$IMAGE" || status=1
	generate_go "$scratch/out"
	generate_python "$scratch/py"
	stale "$scratch/out" "" || status=1
	stale "$scratch/py" "$PY_OUT/" || status=1
	orphans "$scratch/out" "$scratch/py" || status=1
	return $status
}

link_deps
case ${1:-} in
generate) generate ;;
check) check ;;
accept) $BUF build proto --exclude-source-info -o "$IMAGE" ;;
*)
	echo "usage: $0 generate|check|accept" >&2
	exit 2
	;;
esac
