#!/usr/bin/env bash
# Runs the compose file: one host through an epoch, an mlnode stopped and started,
# a further mlnode joined to the running broker, everything taken down.
#
#   ops/containers/test.sh WORK_FOLDER
#
# Needs a running Docker Engine, docker-compose, root (the containers' folders are
# given to their user). BASE_IMAGE names what the images are built on; PYTHON_DIR
# and SITE_DIR a Python 3.11 and its packages, which are mounted instead of installed.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly work=$1
readonly base=${BASE_IMAGE:-debian:bookworm-slim}
readonly uid=10001 project=ninefold-test
readonly bin=build
export HOST_DIR=$work/host MODELS_DIR=$work/models
export CHAIN_IMAGE=ninefold-chain:test BROKER_IMAGE=ninefold-broker:test MLNODE_IMAGE=ninefold-mlnode:test
# Ports of the machine that nobody needs; inside they are the usual ones.
export P2P_PORT=127.0.0.1:26999 PUBLIC_PORT=127.0.0.1:9999
export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0

files=(-f docker-compose.yml)
if [[ -n ${PYTHON_DIR:-} ]]; then files+=(-f "$work/mounted.yml"); fi
compose() { docker-compose -p "$project" "${files[@]}" "$@"; }
say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }
fail() { say "FAILED: $*"; compose ps; compose logs --tail 30; exit 1; }
chain() { compose exec -T chain inferenced "$@" --home /var/lib/ninefold; }
dapi() { compose exec -T broker dapi "$@" --config /etc/ninefold/dapi.toml; }

# until SECONDS WHAT COMMAND…: polls until the command succeeds.
until_() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || fail "$what: not in time"
		sleep 1
	done
	say "$what"
}

down() {
	compose --profile more down -v --remove-orphans -t 20 >/dev/null 2>&1 || true
	docker rmi -f "$CHAIN_IMAGE" "$BROKER_IMAGE" "$MLNODE_IMAGE" >/dev/null 2>&1 || true
}
trap down EXIT

say "building the images on $base"
docker build -q --build-arg BASE="$base" -t "$CHAIN_IMAGE" -f inference-chain/Dockerfile . >/dev/null
docker build -q --build-arg BASE="$base" -t "$BROKER_IMAGE" -f decentralized-api/Dockerfile . >/dev/null
docker build -q --network "${BUILD_NETWORK:-default}" --build-arg BASE="$base" \
	${PYTHON_DIR:+--build-arg ENVIRONMENT=mounted} -t "$MLNODE_IMAGE" -f mlnode/Dockerfile . >/dev/null

say "laying out a host in $HOST_DIR"
cp -r build/models "$MODELS_DIR"
mkdir -p "$HOST_DIR"/{broker,mlnode1,mlnode2}/{etc,var}
readonly home=$HOST_DIR/chain keys=(--home "$work/keys" --keyring-backend test)
"$bin/inferenced" init myhost --chain-id ninefold-local-1 --home "$home" >/dev/null 2>&1
sed -i -e 's|^laddr = "tcp://127.0.0.1:26657"|laddr = "tcp://0.0.0.0:26657"|' \
	-e 's|^timeout_commit = .*|timeout_commit = "1s"|' -e 's|^prometheus = false|prometheus = true|' "$home/config/config.toml"
"$bin/inferenced" keys add cold "${keys[@]}" >/dev/null 2>&1
openssl rand -hex 32 >"$HOST_DIR/broker/etc/warm.key"
"$bin/inferenced" keys import-hex warm "$(<"$HOST_DIR/broker/etc/warm.key")" "${keys[@]}" >/dev/null 2>&1
cold=$("$bin/inferenced" keys show cold -a "${keys[@]}")
warm=$("$bin/inferenced" keys show warm -a "${keys[@]}")
readonly cold warm
genesis() { "$bin/inferenced" genesis "$@" --home "$home" >/dev/null; }
genesis set-param --preset testnet
printf '%s' '{"id":"ninefold/tiny-llama","name":"Tiny Llama","version":"1","hf_repo":"ninefold/tiny-llama","hf_commit":"0000000000000000000000000000000000000001","vram_gb":"1","throughput_per_nonce":"1000","units_of_compute_per_token":"1","context_size":"512"}' >"$work/model.json"
genesis add-model "$work/model.json"
genesis add-account "$cold" 1000000000000unine
genesis add-account "$warm" 1000000unine
genesis add-host "$cold" --url http://broker:9000 --node node1:1000:ninefold/tiny-llama --hardware node1:CPU:1
genesis validate

for node in mlnode1 mlnode2; do
	openssl rand -hex 24 >"$HOST_DIR/$node/etc/node.token"
	cp "$HOST_DIR/$node/etc/node.token" "$HOST_DIR/broker/etc/$node.token"
	cat >"$HOST_DIR/$node/etc/mlnode.toml" <<-TOML
		[service]
		listen = "0.0.0.0:9100"
		metrics_listen = "0.0.0.0:9101"
		token_file = "/etc/ninefold/node.token"
		state_dir = "/var/lib/ninefold"
		[poc]
		threads = 1
		[serving]
		models_dir = "/models"
		offline = true
	TOML
done
cat >"$HOST_DIR/broker/etc/dapi.toml" <<-TOML
	chain_id = "ninefold-local-1"
	home = "/var/lib/ninefold"
	[host]
	address = "$cold"
	[warm_key]
	backend = "hex"
	file = "warm.key"
	[chain]
	rpc = ["http://chain:26657"]
	[public]
	listen = "0.0.0.0:9000"
	[admin]
	socket = "/var/lib/ninefold/admin.sock"
	[network]
	allow_private_addresses = true
	[[nodes]]
	id = "node1"
	address = "mlnode1:9100"
	token_file = "mlnode1.token"
	models = ["ninefold/tiny-llama"]
	[[nodes.hardware]]
	type = "CPU"
	count = 1
TOML
if [[ -n ${PYTHON_DIR:-} ]]; then
	cat >"$work/mounted.yml" <<-YAML
		x-python: &python
		  environment: {PYTHONPATH: "/opt/ninefold/mlnode/src:/opt/ninefold/proto/gen:/opt/site", LD_LIBRARY_PATH: /opt/python/lib, OMP_NUM_THREADS: "1"}
		  volumes: ["$PYTHON_DIR:/opt/python:ro", "$SITE_DIR:/opt/site:ro"]
		services:
		  mlnode1: *python
		  mlnode2: *python
	YAML
fi
chmod -R go-rwx "$HOST_DIR"
chown -R $uid:$uid "$HOST_DIR" "$MODELS_DIR"

say "starting the host"
compose up -d >/dev/null 2>&1 || fail "up"
healthy() { [[ $(docker inspect -f '{{.State.Health.Status}}' "$(compose ps -q "$1")") == healthy ]]; }
until_ 240 "the chain node is healthy" healthy chain
cp -r "$work/keys/keyring-test" "$home/" && chown -R $uid:$uid "$home/keyring-test"
chain grant-broker "$warm" --from cold --keyring-backend test --gas-prices 0.025unine --gas-adjustment 1.5 -y >/dev/null 2>&1 || fail "grant"
rm -rf "$home/keyring-test"
until_ 120 "the broker is healthy" healthy broker
until_ 300 "mlnode1 is healthy" healthy mlnode1

for each in chain broker mlnode1; do
	compose exec -T "$each" sh -c '! touch /x 2>/dev/null && [ "$(id -u)" = 10001 ]' || fail "$each is root, or can write its root"
done
say "nobody is root, no root can be written"

effective() { chain query inference stage | sed -n 's/^effective: "\([0-9]*\)"/\1/p'; }
before=$(effective)
later() { (($(effective) > before)); }
until_ 400 "a further epoch is effective" later
epoch=$(effective)
chain query inference weight "$epoch" "$cold" | sed -n '/^explanation/,/^host/p' | sed '$d'
chain query inference weight "$epoch" "$cold" | grep -q '^  mined_weight: "[1-9]' || fail "the host mined nothing in epoch $epoch"

reachable() { dapi nodes list | grep -Eq "^$1 +true +$2"; }
compose stop mlnode1 >/dev/null 2>&1
until_ 60 "the broker sees that mlnode1 is away" reachable node1 false
compose start mlnode1 >/dev/null 2>&1
until_ 300 "the broker sees that mlnode1 is back" reachable node1 true

compose --profile more up -d mlnode2 >/dev/null 2>&1 || fail "mlnode2"
until_ 300 "mlnode2 is healthy" healthy mlnode2
dapi nodes add --id node2 --address mlnode2:9100 --token-file /etc/ninefold/mlnode2.token \
	--model ninefold/tiny-llama --hardware CPU --count 1 >/dev/null || fail "nodes add"
until_ 60 "the running broker reaches mlnode2" reachable node2 true
declared() { chain query inference nodes "$cold" | grep -q 'node_id: node2'; }
until_ 200 "the chain knows mlnode2" declared

down
[[ -z $(docker ps -aq --filter "label=com.docker.compose.project=$project") ]] || fail "containers are left"
trap - EXIT
say "everything is down; 0 failed"
