#!/usr/bin/env bash
# Says plainly what this machine lacks before anything is downloaded.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PYTHON=${1:?usage: preflight.sh PYTHON}
problems=0

problem() {
	printf 'missing: %s\n         %s\n' "$1" "$2" >&2
	problems=$((problems + 1))
}

# at_least HAVE WANT compares dotted versions.
at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]; }

check_go() {
	local want have
	want=$(awk '$1 == "go" {print $2; exit}' go.mod)
	if ! command -v go >/dev/null; then
		problem "Go $want or newer" "install it from go.dev/dl and put its bin folder on PATH"
		return
	fi
	# Outside the module, so that an old Go answers instead of fetching a new one.
	have=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
	at_least "${have#go}" "$want" ||
		problem "Go $want or newer (found ${have#go})" "install it from go.dev/dl"
}

check_python() {
	local want have
	want=$(<.python-version)
	if ! command -v "$PYTHON" >/dev/null; then
		problem "Python $want (no command $PYTHON)" "install python$want, or name one: make setup PYTHON=/path/to/python$want"
		return
	fi
	have=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || have="not runnable"
	[[ $have == "$want" ]] ||
		problem "Python $want ($PYTHON is $have)" "install python$want, or name one: make setup PYTHON=/path/to/python$want"
	"$PYTHON" -c 'import venv, ensurepip' 2>/dev/null ||
		problem "the venv module of $PYTHON" "install the package python$want-venv"
}

check_disk() {
	local free
	free=$(df -Pk . | awk 'NR == 2 {print int($4 / 1048576)}')
	((free >= 12)) || [[ -d .venv ]] ||
		problem "12 GiB of free disk (found $free)" "the Python environment takes 6.5 GiB, Go's build cache 3 GiB"
}

check_go
check_python
command -v git >/dev/null || problem git "install the package git"
check_disk
((problems == 0))
