"""Whether the service that a configuration describes is healthy: the image's health check.

``python -m mlnode.service.health /etc/ninefold/mlnode.toml``; the status is 0 where it is. Health
and metrics are answered in the event loop: an answer means that it turns. gRPC's health check
needs no token, but a certificate under mutual TLS: there the metrics are asked.
"""

import sys
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mlnode.service.config import ConfigError, ServiceConfig, load_config

_PATIENCE_S = 5.0


def ailment(service: ServiceConfig) -> str:
    """Returns what is wrong with a service on this machine; empty where nothing is."""
    try:
        return _by_metrics(service) if service.tls_cert else _by_grpc(service)
    except (grpc.RpcError, URLError, OSError) as failure:
        return f"no answer: {failure}"


def _by_grpc(service: ServiceConfig) -> str:
    # An address within the machine; a proxy of the environment does not lead there.
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(service.listen, options) as channel:
        stub, messages = cast(Any, health_pb2_grpc.HealthStub(channel)), cast(Any, health_pb2)
        status = stub.Check(messages.HealthCheckRequest(), timeout=_PATIENCE_S).status
    answers = messages.HealthCheckResponse
    if status == answers.SERVING:
        return ""
    return f"gRPC's health is {answers.ServingStatus.Name(status)}"


def _by_metrics(service: ServiceConfig) -> str:
    if not service.metrics_listen:
        return "with mutual TLS, set service.metrics_listen"
    url = f"http://{service.metrics_listen}/metrics"
    with build_opener(ProxyHandler({})).open(url, timeout=_PATIENCE_S) as answer:
        return "" if answer.status == 200 else f"{url} answers {answer.status}"


def main() -> None:
    """Says what is wrong, if anything."""
    try:
        found = ailment(load_config(Path(sys.argv[1])).service)
    except ConfigError as err:
        found = str(err)
    sys.exit(found or 0)


if __name__ == "__main__":
    main()
