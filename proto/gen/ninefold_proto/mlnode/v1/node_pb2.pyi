from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NodeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_STATE_UNSPECIFIED: _ClassVar[NodeState]
    NODE_STATE_STOPPED: _ClassVar[NodeState]
    NODE_STATE_LOADING: _ClassVar[NodeState]
    NODE_STATE_INFERENCE: _ClassVar[NodeState]
    NODE_STATE_POC_GENERATING: _ClassVar[NodeState]
    NODE_STATE_POC_VALIDATING: _ClassVar[NodeState]
    NODE_STATE_FAILED: _ClassVar[NodeState]
NODE_STATE_UNSPECIFIED: NodeState
NODE_STATE_STOPPED: NodeState
NODE_STATE_LOADING: NodeState
NODE_STATE_INFERENCE: NodeState
NODE_STATE_POC_GENERATING: NodeState
NODE_STATE_POC_VALIDATING: NodeState
NODE_STATE_FAILED: NodeState

class Device(_message.Message):
    __slots__ = ("id", "name", "memory_bytes")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    memory_bytes: int
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., memory_bytes: _Optional[int] = ...) -> None: ...

class DeviceGroup(_message.Message):
    __slots__ = ("group_index", "devices", "primary_device", "memory_bytes")
    GROUP_INDEX_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_DEVICE_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    group_index: int
    devices: _containers.RepeatedScalarFieldContainer[str]
    primary_device: str
    memory_bytes: int
    def __init__(self, group_index: _Optional[int] = ..., devices: _Optional[_Iterable[str]] = ..., primary_device: _Optional[str] = ..., memory_bytes: _Optional[int] = ...) -> None: ...

class GetInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetInfoResponse(_message.Message):
    __slots__ = ("version", "commit", "poc_versions", "devices", "versions", "engines", "groups", "unused_devices")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    POC_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    ENGINES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    UNUSED_DEVICES_FIELD_NUMBER: _ClassVar[int]
    version: str
    commit: str
    poc_versions: _containers.RepeatedScalarFieldContainer[int]
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    versions: _containers.ScalarMap[str, str]
    engines: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedCompositeFieldContainer[DeviceGroup]
    unused_devices: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[str] = ..., commit: _Optional[str] = ..., poc_versions: _Optional[_Iterable[int]] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., versions: _Optional[_Mapping[str, str]] = ..., engines: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[_Union[DeviceGroup, _Mapping]]] = ..., unused_devices: _Optional[_Iterable[str]] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("state", "model_id", "model_args", "generation", "last_error", "serving_url")
    STATE_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_ARGS_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    SERVING_URL_FIELD_NUMBER: _ClassVar[int]
    state: NodeState
    model_id: str
    model_args: _containers.RepeatedScalarFieldContainer[str]
    generation: int
    last_error: str
    serving_url: str
    def __init__(self, state: _Optional[_Union[NodeState, str]] = ..., model_id: _Optional[str] = ..., model_args: _Optional[_Iterable[str]] = ..., generation: _Optional[int] = ..., last_error: _Optional[str] = ..., serving_url: _Optional[str] = ...) -> None: ...

class LoadModelRequest(_message.Message):
    __slots__ = ("generation", "model_id", "hf_repo", "hf_commit", "args")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    HF_REPO_FIELD_NUMBER: _ClassVar[int]
    HF_COMMIT_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    generation: int
    model_id: str
    hf_repo: str
    hf_commit: str
    args: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, generation: _Optional[int] = ..., model_id: _Optional[str] = ..., hf_repo: _Optional[str] = ..., hf_commit: _Optional[str] = ..., args: _Optional[_Iterable[str]] = ...) -> None: ...

class LoadModelResponse(_message.Message):
    __slots__ = ("fraction", "bytes", "seconds_left", "ready")
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_LEFT_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    fraction: float
    bytes: int
    seconds_left: float
    ready: bool
    def __init__(self, fraction: _Optional[float] = ..., bytes: _Optional[int] = ..., seconds_left: _Optional[float] = ..., ready: bool = ...) -> None: ...

class UnloadModelRequest(_message.Message):
    __slots__ = ("generation",)
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    generation: int
    def __init__(self, generation: _Optional[int] = ...) -> None: ...

class UnloadModelResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
