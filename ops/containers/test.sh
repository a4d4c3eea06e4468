#!/usr/bin/env bash
# Runs the compose file: two hosts through an epoch in which each judges the other, an
# mlnode stopped and started, a further mlnode joined to the running broker; the verifier's
# image on its request; everything taken down.
#
#   ops/containers/test.sh WORK_FOLDER
#
# Each host is a project of the compose file with a network of its own. What reaches the
# other one, its chain node and its broker, goes over a network between them, by names that
# end with the host's: within a host the short names are those of docs/operations.md.
#
# Needs a running Docker Engine, docker-compose, root (the containers' folders are
# given to their user). BASE_IMAGE names what the images are built on; PYTHON_DIR
# and SITE_DIR a Python 3.11 and its packages, which are mounted instead of installed.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly work=$1
readonly base=${BASE_IMAGE:-debian:bookworm-slim}
readonly uid=10001 hosts=(alpha beta) world=ninefold-test
readonly bin=build
export MODELS_DIR=$work/models
export CHAIN_IMAGE=ninefold-chain:test BROKER_IMAGE=ninefold-broker:test MLNODE_IMAGE=ninefold-mlnode:test
readonly verifier=ninefold-verifier:test
# Ports of the machine that nobody needs; inside they are the usual ones.
declare -rA p2p=([alpha]=127.0.0.1:26999 [beta]=127.0.0.1:26998) public=([alpha]=127.0.0.1:9999 [beta]=127.0.0.1:9998)
export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0

# compose HOST ARGUMENT…
compose() {
	local host=$1
	shift
	HOST_DIR=$work/$host P2P_PORT=${p2p[$host]} PUBLIC_PORT=${public[$host]} docker-compose -p "$world-$host" -f docker-compose.yml -f "$work/$host.yml" "$@"
}
say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }
fail() {
	say "FAILED: $*"
	for host in "${hosts[@]}"; do
		compose "$host" ps
		compose "$host" logs --tail 30
	done
	exit 1
}
chain() { compose "$1" exec -T chain inferenced "${@:2}" --home /var/lib/ninefold; }
dapi() { compose "$1" exec -T broker dapi "${@:2}" --config /etc/ninefold/dapi.toml; }

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
	for host in "${hosts[@]}"; do
		compose "$host" --profile more down -v --remove-orphans -t 20 >/dev/null 2>&1 || true
	done
	docker network rm "$world" >/dev/null 2>&1 || true
	docker rmi -f "$CHAIN_IMAGE" "$BROKER_IMAGE" "$MLNODE_IMAGE" "$verifier" >/dev/null 2>&1 || true
}
trap down EXIT

say "building the images on $base"
docker build -q --build-arg BASE="$base" -t "$CHAIN_IMAGE" -f inference-chain/Dockerfile . >/dev/null
docker build -q --build-arg BASE="$base" -t "$BROKER_IMAGE" -f decentralized-api/Dockerfile . >/dev/null
for image in "$MLNODE_IMAGE mlnode/Dockerfile" "$verifier mlnode/serverless/Dockerfile"; do
	docker build -q --network "${BUILD_NETWORK:-default}" --build-arg BASE="$base" \
		${PYTHON_DIR:+--build-arg ENVIRONMENT=mounted} -t "${image% *}" -f "${image#* }" . >/dev/null
done

# What mounts the environment where an image has none.
mounted=()
if [[ -n ${PYTHON_DIR:-} ]]; then
	mounted=(-v "$PYTHON_DIR:/opt/python:ro" -v "$SITE_DIR:/opt/site:ro" -e LD_LIBRARY_PATH=/opt/python/lib
		-e PYTHONPATH=/opt/ninefold/mlnode/src:/opt/ninefold/proto/gen:/opt/site)
fi
as_operators=(--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges:true -e OMP_NUM_THREADS=1)
answer=$(docker run --rm "${as_operators[@]}" "${mounted[@]}" "$verifier" 2>&1) || fail "the verifier: $answer"
grep -q "'total_computed': 16, 'total_valid': 16" <<<"$answer" || fail "the verifier answered: $answer"
docker run --rm "${as_operators[@]}" "${mounted[@]}" "$verifier" sh -c '! touch /x 2>/dev/null && [ "$(id -u)" = 10001 ]' ||
	fail "the verifier is root, or can write its root"
say "the verifier answers its request with a read-only root, and is not root"

say "laying out the hosts in $work"
cp -r build/models "$MODELS_DIR"
printf '%s' '{"id":"ninefold/tiny-llama","name":"Tiny Llama","version":"1","hf_repo":"ninefold/tiny-llama","hf_commit":"0000000000000000000000000000000000000001","vram_gb":"1","throughput_per_nonce":"1000","units_of_compute_per_token":"1","context_size":"512"}' >"$work/model.json"
readonly keys=(--home "$work/keys" --keyring-backend test)
address() { "$bin/inferenced" keys show "$1" -a "${keys[@]}"; }

# keys_of HOST: its folders, its chain node's home, its two accounts.
keys_of() {
	local dir=$work/$1
	mkdir -p "$dir"/{broker,mlnode1,mlnode2}/{etc,var}
	"$bin/inferenced" init "$1" --chain-id ninefold-local-1 --home "$dir/chain" >/dev/null 2>&1
	sed -i -e 's|^laddr = "tcp://127.0.0.1:26657"|laddr = "tcp://0.0.0.0:26657"|' \
		-e 's|^timeout_commit = .*|timeout_commit = "1s"|' -e 's|^prometheus = false|prometheus = true|' \
		-e 's|^addr_book_strict = .*|addr_book_strict = false|' "$dir/chain/config/config.toml"
	"$bin/inferenced" keys add "cold-$1" "${keys[@]}" >/dev/null 2>&1
	openssl rand -hex 32 >"$dir/broker/etc/warm.key"
	"$bin/inferenced" keys import-hex "warm-$1" "${keys[@]}" <"$dir/broker/etc/warm.key" >/dev/null 2>&1
}
for host in "${hosts[@]}"; do keys_of "$host"; done

readonly first=$work/${hosts[0]}/chain
genesis() { "$bin/inferenced" genesis "$@" --home "$first" >/dev/null; }
genesis set-param --preset testnet
genesis add-model "$work/model.json"
for host in "${hosts[@]}"; do
	genesis add-account "$(address "cold-$host")" 1000000000000unine
	genesis add-account "$(address "warm-$host")" 1000000unine
	key=$("$bin/inferenced" comet show-validator --home "$work/$host/chain" | sed 's|.*"key":"\([^"]*\)".*|\1|')
	genesis add-host "$(address "cold-$host")" --url "http://broker.$host:9000" --consensus-key "$key" \
		--node node1:1000:ninefold/tiny-llama --hardware node1:CPU:1
done
genesis validate
peer=$("$bin/inferenced" comet show-node-id --home "$first")@chain.${hosts[0]}:26656
for host in "${hosts[@]:1}"; do
	cp "$first/config/genesis.json" "$work/$host/chain/config/genesis.json"
	sed -i "s|^persistent_peers = .*|persistent_peers = \"$peer\"|" "$work/$host/chain/config/config.toml"
done

# settings_of HOST: the files of its mlnodes and its broker, and what it adds to the compose file.
settings_of() {
	local dir=$work/$1
	for node in mlnode1 mlnode2; do
		openssl rand -hex 24 >"$dir/$node/etc/node.token"
		cp "$dir/$node/etc/node.token" "$dir/broker/etc/$node.token"
		cat >"$dir/$node/etc/mlnode.toml" <<-TOML
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
	cat >"$dir/broker/etc/dapi.toml" <<-TOML
		chain_id = "ninefold-local-1"
		home = "/var/lib/ninefold"
		[host]
		address = "$(address "cold-$1")"
		[warm_key]
		backend = "hex"
		file = "warm.key"
		[chain]
		rpc = ["http://chain.$1:26657"]
		[public]
		listen = "0.0.0.0:9000"
		[admin]
		socket = "/var/lib/ninefold/admin.sock"
		[metrics]
		listen = "0.0.0.0:9191"
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
	cat >"$dir.yml" <<-YAML
		networks:
		  world: {external: true, name: $world}
		services:
		  chain:
		    networks: {world: {aliases: [chain.$1]}}
		  broker:
		    networks: {world: {aliases: [broker.$1]}}
	YAML
	if [[ -n ${PYTHON_DIR:-} ]]; then
		for node in mlnode1 mlnode2; do
			cat <<-YAML
				  $node:
				    environment: {PYTHONPATH: "/opt/ninefold/mlnode/src:/opt/ninefold/proto/gen:/opt/site", LD_LIBRARY_PATH: /opt/python/lib, OMP_NUM_THREADS: "1"}
				    volumes: ["$PYTHON_DIR:/opt/python:ro", "$SITE_DIR:/opt/site:ro"]
			YAML
		done >>"$dir.yml"
	fi
	chmod -R go-rwx "$dir"
	chown -R $uid:$uid "$dir"
}
for host in "${hosts[@]}"; do settings_of "$host"; done
chown -R $uid:$uid "$MODELS_DIR"

say "starting the hosts"
docker network create "$world" >/dev/null
for host in "${hosts[@]}"; do compose "$host" up -d >/dev/null 2>&1 || fail "up of $host"; done
healthy() { [[ $(docker inspect -f '{{.State.Health.Status}}' "$(compose "$1" ps -q "$2")") == healthy ]]; }
# The health of a chain node says that it answers; transactions need blocks, which need both.
blocks() { (($(chain "$1" status | sed -n 's/.*"latest_block_height":"\([0-9]*\)".*/\1/p') > 1)); }
for host in "${hosts[@]}"; do
	until_ 240 "the chain node of $host is healthy" healthy "$host" chain
	until_ 120 "there are blocks on $host" blocks "$host"
done
for host in "${hosts[@]}"; do
	cp -r "$work/keys/keyring-test" "$work/$host/chain/" && chown -R $uid:$uid "$work/$host/chain/keyring-test"
	chain "$host" grant-broker "$(address "warm-$host")" --from "cold-$host" --keyring-backend test \
		--gas-prices 0.025unine --gas-adjustment 1.5 -y >/dev/null 2>&1 || fail "grant of $host"
	rm -rf "$work/$host/chain/keyring-test"
done
for host in "${hosts[@]}"; do
	until_ 120 "the broker of $host is healthy" healthy "$host" broker
	until_ 300 "mlnode1 of $host is healthy" healthy "$host" mlnode1
	for each in chain broker mlnode1; do
		# shellcheck disable=SC2016 # it is the container that expands it
		compose "$host" exec -T "$each" sh -c '! touch /x 2>/dev/null && [ "$(id -u)" = 10001 ]' ||
			fail "$each of $host is root, or can write its root"
	done
done
say "nobody is root, no root can be written"

# scraped TARGET METRIC: another container of the host reads it there.
scraped() {
	compose alpha exec -T mlnode1 python3 -c \
		"import urllib.request as u; assert b'\\n$2' in u.urlopen('http://$1/metrics', timeout=5).read()"
}
until_ 60 "the metrics of the chain node are read from beside it" scraped chain:26660 cometbft_consensus_height
until_ 60 "the metrics of the broker are read from beside it" scraped broker:9191 dapi_height
until_ 60 "the metrics of the mlnode are read by its name" scraped mlnode1:9101 mlnode_poc_phase

effective() { chain alpha query inference stage | sed -n 's/^effective: "\([0-9]*\)"/\1/p'; }
weight() { chain alpha query inference weight "$1" "$(address "cold-$2")"; }
# judged: in the epoch in effect both hosts mined something, and their jury accepted it.
judged() {
	local epoch answer
	epoch=$(effective)
	for host in "${hosts[@]}"; do
		answer=$(weight "$epoch" "$host")
		grep -q '^  reason: WEIGHT_REASON_ACCEPTED' <<<"$answer" && grep -q '^  mined_weight: "[1-9]' <<<"$answer" || return 1
	done
}
until_ 900 "an epoch is in effect in which each host was accepted by its jury" judged
epoch=$(effective)
for host in "${hosts[@]}"; do weight "$epoch" "$host" | sed -n '/^explanation/,/^host/p' | sed '$d'; done
for pair in "alpha beta" "beta alpha"; do
	chain alpha query inference verdicts "$epoch" "$(address "cold-${pair% *}")" | grep -q "$(address "cold-${pair#* }")" ||
		fail "${pair#* } did not judge ${pair% *} in epoch $epoch"
done
say "each host judged the other in epoch $epoch"

reachable() { dapi "$1" nodes list | grep -Eq "^$2 +true +$3"; }
compose alpha stop mlnode1 >/dev/null 2>&1
until_ 60 "the broker sees that mlnode1 is away" reachable alpha node1 false
compose alpha start mlnode1 >/dev/null 2>&1
until_ 300 "the broker sees that mlnode1 is back" reachable alpha node1 true

compose alpha --profile more up -d mlnode2 >/dev/null 2>&1 || fail "mlnode2"
until_ 300 "mlnode2 is healthy" healthy alpha mlnode2
dapi alpha nodes add --id node2 --address mlnode2:9100 --token-file /etc/ninefold/mlnode2.token \
	--model ninefold/tiny-llama --hardware CPU --count 1 >/dev/null || fail "nodes add"
until_ 60 "the running broker reaches mlnode2" reachable alpha node2 true
declared() { chain alpha query inference nodes "$(address cold-alpha)" | grep -q 'node_id: node2'; }
until_ 200 "the chain knows mlnode2" declared

down
[[ -z $(docker ps -aq --filter "name=$world-") ]] || fail "containers are left"
trap - EXIT
say "everything is down; 0 failed"
