"""What computes behind the function: one network at a time, kept for its round's next request.

Axes: B nonces of a request.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from time import perf_counter

import psutil

from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import load
from mlnode.poc.engines.guard import check_fingerprint, crosscheck
from mlnode.poc.engines.selection import Selection, fastest_on, select_engine
from mlnode.poc.engines.weights import network_origin
from mlnode.poc.params import PocParams
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import weight_bytes
from mlnode.serverless.request import Request, RequestError
from mlnode.shard.devices import visible_devices
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.gpu import group_engines
from mlnode.shard.memory import activation_bytes

log = logging.getLogger(__name__)

ChooseEngines = Callable[[tuple[str, ...]], Selection[ShardedEngine]]
"""(devices of one group) → the engines that are exact on them."""

_USABLE = 0.9


class Machine:
    """What computes: at most one network at a time, kept for the next request of its round."""

    def __init__(self, choose: ChooseEngines | None = None) -> None:
        """Prepare; nothing is loaded.

        Args:
            choose: how engines are found; by default those that are exact on the golden network.
        """
        self._choose = choose or _exact_engines
        # The SDK may call from several threads; a device holds one network.
        self._lock = threading.Lock()
        self._devices: tuple[str, ...] = ()
        # The one in use first.
        self._engines: Sequence[ShardedEngine] = ()
        self._rivals: Sequence[ShardedEngine] = ()
        self._chosen_for: PocParams | None = None
        self._origin: object = None
        self._held_bytes = 0
        self._fingerprint = b""
        self._requests = 0

    def decide(self, request: Request) -> Decisions:
        """Returns the decisions on a request's nonces, in their order.

        Raises:
            RequestError: the devices are not there, or do not hold the network.
            PocError: no engine is exact here, or a guard found that one is not any more.
            RuntimeError: the device failed or its memory ran out.
        """
        with self._lock:
            devices = _present(request.devices)
            self._check_memory(request.round.params, devices)
            try:
                self._stand(request.round, devices, len(request.nonces))
                return self._guarded(request)
            except Exception:
                # Whatever it was, nothing that is left of it is used again.
                self._free()
                raise

    def _stand(self, round_: Round, devices: tuple[str, ...], nonces: int) -> None:
        if devices != self._devices:
            self._free()
            selection = self._choose(devices)
            self._engines, self._devices = (selection.engine, *selection.spare), devices
            self._rivals = selection.engine, *selection.rivals
        engine, *spare = self._engines[:2]
        if self._origin == network_origin(round_):
            # The network stays; host and threshold may be others.
            for one in (engine, *spare):
                load(one, round_)
            return
        for one in spare:
            one.stop()
        began = perf_counter()
        load(engine, round_)
        if self._chosen_for != round_.params:
            # As the service chooses: the golden network is too small to tell.
            others = [one for one in self._rivals if one is not engine]
            best = fastest_on(engine, others, round_, nonces)
            self._chosen_for = round_.params
            self._engines = sorted(self._engines, key=lambda one: one is not best)
            engine, *spare = self._engines[:2]
        for one in spare:
            one.adopt(round_, engine.network)
        self._origin, self._held_bytes = network_origin(round_), weight_bytes(round_.params)
        self._fingerprint = engine.weights_fingerprint()
        log.info("%s… stands after %.1f s", round_.block_hash[:16], perf_counter() - began)

    def _guarded(self, request: Request) -> Decisions:
        engine, *spare = self._engines[:2]
        came = engine.batch(request.nonces)
        self._requests += 1
        # A flipped bit would make an honest host a fraud.
        for other in spare:
            crosscheck(other, request.nonces, came, pick=self._requests)
        check_fingerprint(engine, self._fingerprint)
        return came

    def _check_memory(self, params: PocParams, devices: tuple[str, ...]) -> None:
        needed = weight_bytes(params) + activation_bytes(params)
        # What stands is freed before anything else is loaded.
        room = int(_free_bytes(devices, self._held_bytes) * _USABLE)
        if needed > room:
            where = ", ".join(devices)
            raise RequestError("params", f"{needed:,} bytes", f"at most {room:,} bytes on {where}")

    def _free(self) -> None:
        for engine in self._engines:
            engine.stop()
        self._engines, self._devices, self._origin, self._held_bytes = (), (), None, 0
        self._rivals, self._chosen_for = (), None


def _present(wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the devices of the one group that computes.

    Raises:
        RequestError: one of them is not here, or they do not make a group.
    """
    here = tuple(device.name for device in visible_devices())
    devices = wanted or here or ("cpu",)
    if devices == ("cpu",):
        return devices
    if len(set(devices)) != len(devices) or "cpu" in devices:
        raise RequestError("devices", ", ".join(devices), "GPUs, each once, or the CPU alone")
    missing = [device for device in devices if device not in here]
    if missing:
        raise RequestError("devices", missing[0], f"one of {', '.join(('cpu', *here))}")
    return devices


def _free_bytes(devices: tuple[str, ...], held_bytes: int) -> int:
    """Returns the bytes for a network on a group once the one that stands is freed."""
    if devices[0] == "cpu":
        return int(psutil.virtual_memory().available) + held_bytes
    # All of it: what PyTorch keeps for itself of a freed network counts as taken, but is not.
    return sum(device.vram for device in visible_devices() if device.name in devices)


def _exact_engines(devices: tuple[str, ...]) -> Selection[ShardedEngine]:
    selection = select_engine(group_engines(devices))
    log.info("%s: %s", ",".join(devices), selection.summary)
    return selection
