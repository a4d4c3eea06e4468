"""Prometheus metrics, read from the controller when they are asked for."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mlnode.service.parallel import ParallelController, Phase


class RoundCollector(Collector):
    """The round's counters and rates. Counters start again with each round."""

    def __init__(self, controller: ParallelController) -> None:
        self._controller = controller

    def collect(self) -> Iterator[Metric]:
        """One sample of everything."""
        controller = self._controller
        counters = controller.counters
        for name, text, value in (
            ("generated", "Valid nonces generated in this round", counters.generated),
            ("acknowledged", "Valid nonces the broker stored in this round", counters.acknowledged),
            ("walked", "Nonces computed in this round, valid or not", counters.walked),
            (
                "verified",
                "Nonces of other hosts recomputed in this round",
                sum(counters.verified.values()),
            ),
        ):
            yield CounterMetricFamily(f"mlnode_poc_{name}_nonces", text, value=value)
        yield GaugeMetricFamily(
            "mlnode_poc_nonces_per_second",
            "Nonces computed a second, over the last seconds",
            value=controller.nonces_per_second,
        )
        phase = GaugeMetricFamily(
            "mlnode_poc_phase", "1 for the phase the workers are in", labels=["phase"]
        )
        for each in Phase:
            phase.add_metric([each.value], float(controller.phase is each))
        yield phase
        restarts = CounterMetricFamily(
            "mlnode_worker_restarts", "Times a group's worker was replaced", labels=["group"]
        )
        for index, group in enumerate(controller.groups):
            restarts.add_metric([str(index)], group.controller.restarts)
        yield restarts


def serve_metrics(controller: ParallelController, host: str, port: int) -> None:
    """Serve the metrics until the process ends."""
    registry = CollectorRegistry()
    registry.register(RoundCollector(controller))
    start_http_server(port, addr=host, registry=registry)
