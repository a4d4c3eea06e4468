"""Which groups of devices compute a round: as configured, or as its network needs them."""

import logging
from collections.abc import Sequence

from mlnode.poc.params import PocParams
from mlnode.service.candidates import REFERENCE, candidates
from mlnode.service.config import ConfigError, PocConfig
from mlnode.service.errors import WorkerFailedError
from mlnode.service.messages import WorkerSetup
from mlnode.shard.devices import CPU, DriverError, groups_of, visible_devices
from mlnode.shard.groups import Device
from mlnode.shard.memory import get_min_group_vram

_log = logging.getLogger("mlnode.poc")


class GroupPlan:
    """Says which workers a network needs."""

    def __init__(self, config: PocConfig, devices: Sequence[Device] | None = None) -> None:
        """Look for devices.

        Args:
            config: the groups, if they are not to be found, and how they compute.
            devices: the GPUs of this machine; None asks the driver.

        Raises:
            ConfigError: the driver fails, so that groups cannot be found.
        """
        self._config = config
        try:
            found = visible_devices() if devices is None else tuple(devices)
        except DriverError as err:
            if not config.groups:
                raise ConfigError(
                    f'{err}; mend it, or compute without it: poc.groups = [["cpu"]]'
                ) from None
            found = ()
        self.devices: tuple[Device, ...] = (CPU, *found)
        self.left_out: tuple[Device, ...] = ()

    def setups(self, params: PocParams) -> list[WorkerSetup]:
        """The workers for a network.

        Raises:
            WorkerFailedError: no group of these devices holds it.
        """
        groups = self._config.groups or self._found(params)
        return [
            WorkerSetup(
                group_index=index,
                devices=devices,
                engine=self._config.engine,
                batch_size=self._config.batch_size,
                threads=self._config.threads,
                crosscheck=self._config.crosscheck,
                models_dir=self._config.models_dir,
                candidates=candidates,
            )
            for index, devices in enumerate(groups)
        ]

    def _found(self, params: PocParams) -> tuple[tuple[str, ...], ...]:
        if self._config.engine == REFERENCE:
            return ((CPU.name,),)
        gpus = self.devices[1:]
        grouping = groups_of(gpus, params)
        self.left_out = grouping.left_out
        for device in grouping.left_out:
            _log.warning(
                "%s (%s, %.1f GB) is not used: too small, also with those that follow it",
                device.name,
                device.model,
                device.vram / 1e9,
            )
        if not grouping.groups:
            sizes = ", ".join(f"{device.name} {device.vram / 1e9:.1f} GB" for device in gpus)
            needed = get_min_group_vram(params) / 1e9
            raise WorkerFailedError(
                f"a group needs {needed:.1f} GB for this network; here: {sizes}"
            )
        return tuple(tuple(d.name for d in group.devices) for group in grouping.groups)
