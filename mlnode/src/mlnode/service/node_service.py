"""The gRPC service of the server itself: what it is, and which model it serves."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
from ninefold_proto.mlnode.v1 import node_pb2, node_pb2_grpc
from typing_extensions import override

from mlnode.about import build, named_devices, versions
from mlnode.poc.rounds import SUPPORTED_VERSIONS
from mlnode.service.commands import CommandOrder
from mlnode.service.errors import RoundOpenError
from mlnode.service.parallel import ParallelController
from mlnode.service.phase import Phase
from mlnode.service.refusal import refusing
from mlnode.serving.host import ModelHost, ModelSpec, ModelState

Context = grpc.aio.ServicerContext[Any, Any]


class NodeService(node_pb2_grpc.NodeServiceServicer):
    """Describes the server and loads models on it."""

    def __init__(
        self, controller: ParallelController, models: ModelHost, order: CommandOrder
    ) -> None:
        self._controller = controller
        self._models = models
        self._order = order
        # Neither changes while this process runs.
        self._build, self._versions = build(), versions()

    @override
    @refusing
    async def GetInfo(
        self, request: node_pb2.GetInfoRequest, context: Context
    ) -> node_pb2.GetInfoResponse:
        """Build, devices, their groups, versions and engines."""
        engines = dict.fromkeys(e for group in self._controller.groups for e in group.engines)
        devices = named_devices(self._controller.plan.devices[1:])
        groups = [group.handle.setup.devices for group in self._controller.groups]
        memory = {name: size for name, _, size in devices}
        grouped = {name for names in groups for name in names}
        return node_pb2.GetInfoResponse(
            version=self._build.version,
            commit=self._build.commit,
            poc_versions=sorted(SUPPORTED_VERSIONS),
            devices=[
                node_pb2.Device(id=name, name=model, memory_bytes=size)
                for name, model, size in devices
            ],
            versions=self._versions,
            engines=list(engines),
            groups=[
                node_pb2.DeviceGroup(
                    group_index=index,
                    devices=names,
                    primary_device=names[0],
                    # Stages on one device share its memory.
                    memory_bytes=sum(memory.get(name, 0) for name in set(names)),
                )
                for index, names in enumerate(groups)
            ],
            unused_devices=[name for name, _, _ in devices[1:] if name not in grouped],
        )

    @override
    @refusing
    async def GetStatus(
        self, request: node_pb2.GetStatusRequest, context: Context
    ) -> node_pb2.GetStatusResponse:
        """The state and the loaded model."""
        spec = self._models.spec
        return node_pb2.GetStatusResponse(
            state=self._state(),
            model_id=spec.model_id if spec is not None else "",
            model_args=spec.args if spec is not None else (),
            generation=self._order.last,
            last_error=self._models.last_error or self._controller.last_error,
        )

    @override
    @refusing
    async def LoadModel(
        self, request: node_pb2.LoadModelRequest, context: Context
    ) -> AsyncIterator[node_pb2.LoadModelResponse]:
        """Load a model; a round that is open is in the way."""
        self._order.accept(request.generation)
        if self._controller.round is not None:
            raise RoundOpenError("a round is open; stop it with end_round, then load the model")
        spec = ModelSpec(
            model_id=request.model_id,
            repo=request.hf_repo,
            commit=request.hf_commit,
            args=tuple(request.args),
        )
        async for step in self._models.load(spec):
            yield node_pb2.LoadModelResponse(
                fraction=step.fraction,
                bytes=step.bytes,
                seconds_left=step.seconds_left,
                ready=step.fraction >= 1.0,
            )

    @override
    @refusing
    async def UnloadModel(
        self, request: node_pb2.UnloadModelRequest, context: Context
    ) -> node_pb2.UnloadModelResponse:
        """Free the model."""
        self._order.accept(request.generation)
        await self._models.unload()
        return node_pb2.UnloadModelResponse()

    def _state(self) -> node_pb2.NodeState:
        if self._controller.failed:
            return node_pb2.NODE_STATE_FAILED
        if self._controller.round is not None:
            return {
                Phase.LOADING: node_pb2.NODE_STATE_LOADING,
                Phase.GENERATE: node_pb2.NODE_STATE_POC_GENERATING,
            }.get(self._controller.phase, node_pb2.NODE_STATE_POC_VALIDATING)
        return {
            ModelState.STOPPED: node_pb2.NODE_STATE_STOPPED,
            ModelState.LOADING: node_pb2.NODE_STATE_LOADING,
            ModelState.READY: node_pb2.NODE_STATE_INFERENCE,
            ModelState.FAILED: node_pb2.NODE_STATE_FAILED,
        }[self._models.state]
