"""What docs/operations.md says of every image and container, read from their files.

`make compose-test` runs them, where there is a Docker Engine.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from testnet.binaries import repository
from testnet.ports import free_ports
from testnet.settings import write_toml

RunMlnode = Callable[[Path], AbstractContextManager[None]]
ROOT = repository()
IMAGES = sorted(
    path.relative_to(ROOT)
    for part in ("inference-chain", "decentralized-api", "mlnode")
    for path in (ROOT / part).rglob("Dockerfile")
)
COMPOSE = (ROOT / "docker-compose.yml").read_text()
NVIDIA = (ROOT / "ops" / "containers" / "nvidia.yml").read_text()
PROMETHEUS = (ROOT / "ops" / "containers" / "prometheus.yml").read_text()
CONFINED = (
    "read_only: true",
    'user: "10001:10001"',
    "cap_drop: [ALL]",
    'security_opt: ["no-new-privileges:true"]',
)


def instructions(image: Path) -> list[tuple[str, str]]:
    """A Dockerfile's instructions in their order, lines joined, without comments."""
    lines = [line for line in (ROOT / image).read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for line in joined.splitlines() if line for word, rest in [words(line)]]


def words(line: str) -> tuple[str, str]:
    """The instruction of a line and its arguments."""
    word, _, rest = line.partition(" ")
    return word, rest


def services(text: str) -> dict[str, str]:
    """What a compose file says of each service."""
    _, _, after = text.partition("\nservices:\n")
    inside = re.split(r"^\S", after, maxsplit=1, flags=re.M)[0]
    return dict(re.findall(r"^  (\w+):\n((?:(?: {4}.*)?\n)+)", inside, re.M))


def common(anchor: str) -> str:
    """What services share that name an anchor."""
    found = re.search(rf"^x-\w+: &{anchor}\n((?: .*\n)+)", COMPOSE, re.M)
    assert found is not None, anchor
    return found.group(1)


def test_there_is_an_image_for_each_part() -> None:
    assert [str(image.parent) for image in IMAGES] == [
        "decentralized-api",
        "inference-chain",
        "mlnode",
        "mlnode/serverless",
    ]


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_an_image_is_built_on_any_base_and_runs_as_a_numbered_user(image: Path) -> None:
    said = instructions(image)
    assert said[:2] == [("ARG", "BASE=debian:bookworm-slim"), ("FROM", "${BASE}")]
    # The last one of each is what counts.
    last = dict(said)
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", last["USER"])
    assert last["HEALTHCHECK"].partition("CMD ")[2].startswith("[")
    # A read-only root needs a place of its own to write to.
    assert last["VOLUME"] == "/var/lib/ninefold"
    order = [word for word, _ in said]
    assert order.index("USER") > max(i for i, word in enumerate(order) if word in ("RUN", "COPY"))


@pytest.mark.parametrize("image", IMAGES, ids=str)
def test_what_an_image_copies_is_sent_to_its_build(image: Path) -> None:
    sent = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    ]
    copied = [
        source
        for word, rest in instructions(image)
        if word == "COPY"
        for source in rest.split()[:-1]
    ]
    assert copied
    assert [s for s in copied if not any(s.startswith(given) for given in sent)] == []


@pytest.mark.parametrize("name", services(COMPOSE))
def test_a_container_can_write_nothing_but_its_volumes_and_is_not_root(name: str) -> None:
    for line in CONFINED:
        assert line in common("common")
    assert "<<: *common" in common("mlnode")
    assert re.search(r"^    <<: \*(common|mlnode)$", services(COMPOSE)[name], re.M)
    for undone in ("read_only:", "user:", "cap_add:", "privileged:", "security_opt:"):
        assert undone not in services(COMPOSE)[name]


def test_every_mlnode_gets_gpus_by_the_file_for_them_and_nobody_else() -> None:
    mlnodes = {name for name in services(COMPOSE) if name.startswith("mlnode")}
    assert set(services(NVIDIA)) == mlnodes != set()
    for name, said in services(NVIDIA).items():
        assert "devices:\n" in said, name
        assert re.search(r"^ +(count: all|device_ids: \[.+\])", said, re.M), name
        assert "<<: *reserved" in said, name
    assert "driver: nvidia\n  capabilities: [gpu, compute, utility]" in NVIDIA


def published(text: str) -> dict[str, list[str]]:
    """The ports of the machine that lead to each service of a compose file."""
    return {
        name: re.findall(r'"(.+?)"', ports.group(1))
        for name, said in services(text).items()
        if (ports := re.search(r"^    ports: \[(.*)\]$", said, re.M)) is not None
    }


def test_only_peers_and_other_brokers_come_in_from_outside_the_machine() -> None:
    assert published(COMPOSE) == {
        "chain": ["${P2P_PORT:-26656}:26656"],
        "broker": ["${PUBLIC_PORT:-9000}:9000"],
    }
    assert published(PROMETHEUS) == {"prometheus": ["${PROMETHEUS_PORT:-127.0.0.1:9090}:9090"]}


def test_prometheus_is_confined_as_the_others_and_reads_the_folder_of_the_repository() -> None:
    said = services(PROMETHEUS)["prometheus"]
    for line in (*CONFINED, "networks: [host]", "./ops/prometheus:/etc/prometheus:ro"):
        assert line in said
    config = re.search(r"--config\.file=/etc/prometheus/([\w.]+)", said)
    assert config is not None
    assert (ROOT / "ops" / "prometheus" / config.group(1)).is_file()


def health_check(config: Path) -> subprocess.CompletedProcess[str]:
    """Run the health check of the mlnode's image on another configuration than the image's."""
    check = dict(instructions(Path("mlnode/Dockerfile")))["HEALTHCHECK"].partition("CMD ")[2]
    python, *rest = json.loads(check)
    assert python == "python3"
    command = [word.replace("/etc/ninefold/mlnode.toml", str(config)) for word in rest]
    assert command != rest
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=60, check=False
    )


def test_an_mlnode_without_metrics_and_with_a_token_is_healthy_while_it_runs(
    tmp_path: Path, mlnode: RunMlnode
) -> None:
    (port,) = free_ports(1)
    token = tmp_path / "node.token"
    token.write_text("0123456789abcdef\n")
    config = tmp_path / "mlnode.toml"
    service = {
        "listen": f"0.0.0.0:{port}",
        "token_file": str(token),
        "state_dir": str(tmp_path / "state"),
    }
    write_toml(config, {"service": service, "poc": {"threads": 1}})
    assert health_check(config).returncode != 0
    with mlnode(config):
        checked = health_check(config)
        assert checked.returncode == 0, checked.stderr
    assert health_check(config).returncode != 0


def test_under_mutual_tls_the_health_check_asks_the_metrics_and_says_that_it_needs_them(
    tmp_path: Path, mlnode: RunMlnode
) -> None:
    grpc, metrics = free_ports(2)
    config = tmp_path / "mlnode.toml"
    tls = {"tls_cert": "cert.pem", "tls_key": "key.pem", "tls_client_ca": "ca.pem"}
    service = {"listen": f"0.0.0.0:{grpc}", **tls}
    write_toml(config, {"service": service})
    unset = health_check(config)
    assert unset.returncode == 1
    assert unset.stderr == "with mutual TLS, set service.metrics_listen\n"
    # Its files are read by the service alone: an mlnode without TLS stands in for it.
    served = tmp_path / "served.toml"
    where = {"metrics_listen": f"0.0.0.0:{metrics}"}
    state = {"listen": f"127.0.0.1:{grpc}", "state_dir": str(tmp_path / "state")}
    write_toml(served, {"service": state | where, "poc": {"threads": 1}})
    write_toml(config, {"service": service | where})
    assert health_check(config).returncode != 0
    with mlnode(served):
        checked = health_check(config)
        assert checked.returncode == 0, checked.stderr


def test_the_files_for_containers_are_in_the_documentation() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    for path in (
        "docker-compose.yml",
        "ops/containers/nvidia.yml",
        "ops/containers/prometheus.yml",
        "ops/containers/test.sh",
        "ops/prometheus/containers.yml",
    ):
        assert f"](../{path})" in text, path
    assert [str(image) for image in IMAGES if f"`{image}`" not in text] == []
