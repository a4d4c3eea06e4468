"""Prometheus metrics, read from the controller when they are asked for."""

import asyncio
from collections.abc import Iterator

import psutil
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mlnode.poc.rounds import PocKind
from mlnode.poc.tensors import operations
from mlnode.service.config import ConfigError, split_address
from mlnode.service.group import Group
from mlnode.service.parallel import ParallelController
from mlnode.service.phase import Phase

_PATIENCE_S = 5.0


class RoundCollector(Collector):
    """The round's counters and rates. Counters start again with each round."""

    def __init__(self, controller: ParallelController, loop: asyncio.AbstractEventLoop) -> None:
        self._controller = controller
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        """One sample of everything, taken in the event loop: asked by a thread of HTTP."""

        async def sample() -> list[Metric]:
            return [*_counters(self._controller), *_gauges(self._controller)]

        yield from asyncio.run_coroutine_threadsafe(sample(), self._loop).result(_PATIENCE_S)


class MetricsServer:
    """Serves the metrics over HTTP until it is closed."""

    def __init__(self, controller: ParallelController, address: str) -> None:
        """Listen.

        Raises:
            ConfigError: the address cannot be bound.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(RoundCollector(controller, asyncio.get_running_loop()))
        host, port = split_address("service.metrics_listen", address)
        try:
            self._server, self._thread = start_http_server(port, addr=host, registry=registry)
        except OSError as err:
            raise ConfigError(
                f'service.metrics_listen is "{address}": {err.strerror or err}'
            ) from None

    @property
    def port(self) -> int:
        """The port, also where 0 let the system choose."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _counters(controller: ParallelController) -> Iterator[Metric]:
    counters = controller.counters
    for name, text, value in (
        ("walked", "Nonces computed in this round, valid or not", counters.walked),
        ("valid", "Valid nonces among the walked ones", counters.valid),
        ("generated", "Valid nonces handed to the broker's stream", counters.generated),
        ("acknowledged", "Valid nonces the broker has stored", counters.acknowledged),
        (
            "verified",
            "Nonces of other hosts recomputed in this round",
            sum(counters.verified.values()),
        ),
    ):
        yield CounterMetricFamily(f"mlnode_poc_{name}_nonces", text, value=value)


def _gauges(controller: ParallelController) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "mlnode_poc_nonces_per_second",
        "Nonces computed a second, over the last seconds",
        value=controller.nonces_per_second,
    )
    walked, valid = controller.counters.walked, controller.counters.valid
    yield GaugeMetricFamily(
        "mlnode_poc_valid_rate",
        "Share of the walked nonces of this round that is valid",
        value=valid / walked if walked else 0.0,
    )
    yield GaugeMetricFamily(
        "mlnode_poc_mfu",
        "Operations of the proof as a share of plain exact products on the same devices",
        value=_utilisation(controller),
    )
    phase = GaugeMetricFamily(
        "mlnode_poc_phase", "1 for the phase the workers are in", labels=["phase"]
    )
    for each in Phase:
        phase.add_metric([each.value], float(controller.phase is each))
    yield phase
    groups = controller.groups
    for name, text, values in (
        ("batch_seconds", "Time of the last batch", [g.batch_seconds for g in groups]),
        ("load_seconds", "Time of the last load of a round", [g.load_seconds for g in groups]),
        ("queued_batches", "Batches nobody has taken yet", [*map(controller.queued, groups)]),
        ("restarts", "Times the worker was replaced", [g.handle.restarts for g in groups]),
        ("resident_bytes", "Memory of the worker's process", [*map(_resident, groups)]),
        ("device_bytes", "Memory taken of the group's GPUs", [g.device_bytes for g in groups]),
    ):
        family = GaugeMetricFamily(f"mlnode_worker_{name}", text, labels=["group"])
        for group, value in zip(groups, values, strict=True):
            family.add_metric([str(group.index)], value)
        yield family


def _utilisation(controller: ParallelController) -> float:
    round_, dense = controller.round, sum(group.dense for group in controller.groups)
    if round_ is None or not dense or round_.kind is not PocKind.EXACT8:
        return 0.0
    return operations(round_.params) * controller.nonces_per_second / dense


def _resident(group: Group) -> int:
    try:
        return psutil.Process(group.handle.pid).memory_info().rss if group.handle.pid else 0
    except psutil.Error:
        return 0
