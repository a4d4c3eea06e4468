from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from gogoproto import gogo_pb2 as _gogo_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HardwareNodeStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HARDWARE_NODE_STATUS_UNSPECIFIED: _ClassVar[HardwareNodeStatus]
    HARDWARE_NODE_STATUS_INFERENCE: _ClassVar[HardwareNodeStatus]
    HARDWARE_NODE_STATUS_POC: _ClassVar[HardwareNodeStatus]
    HARDWARE_NODE_STATUS_STOPPED: _ClassVar[HardwareNodeStatus]
    HARDWARE_NODE_STATUS_FAILED: _ClassVar[HardwareNodeStatus]
HARDWARE_NODE_STATUS_UNSPECIFIED: HardwareNodeStatus
HARDWARE_NODE_STATUS_INFERENCE: HardwareNodeStatus
HARDWARE_NODE_STATUS_POC: HardwareNodeStatus
HARDWARE_NODE_STATUS_STOPPED: HardwareNodeStatus
HARDWARE_NODE_STATUS_FAILED: HardwareNodeStatus

class Participant(_message.Message):
    __slots__ = ("address", "url", "metadata", "consensus_key", "next_consensus_key", "registered_height")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_KEY_FIELD_NUMBER: _ClassVar[int]
    NEXT_CONSENSUS_KEY_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    address: str
    url: str
    metadata: str
    consensus_key: bytes
    next_consensus_key: bytes
    registered_height: int
    def __init__(self, address: _Optional[str] = ..., url: _Optional[str] = ..., metadata: _Optional[str] = ..., consensus_key: _Optional[bytes] = ..., next_consensus_key: _Optional[bytes] = ..., registered_height: _Optional[int] = ...) -> None: ...

class Hardware(_message.Message):
    __slots__ = ("type", "count")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    type: str
    count: int
    def __init__(self, type: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class HardwareNode(_message.Message):
    __slots__ = ("local_id", "status", "models", "hardware", "host", "port", "added_seq")
    LOCAL_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    ADDED_SEQ_FIELD_NUMBER: _ClassVar[int]
    local_id: str
    status: HardwareNodeStatus
    models: _containers.RepeatedScalarFieldContainer[str]
    hardware: _containers.RepeatedCompositeFieldContainer[Hardware]
    host: str
    port: str
    added_seq: int
    def __init__(self, local_id: _Optional[str] = ..., status: _Optional[_Union[HardwareNodeStatus, str]] = ..., models: _Optional[_Iterable[str]] = ..., hardware: _Optional[_Iterable[_Union[Hardware, _Mapping]]] = ..., host: _Optional[str] = ..., port: _Optional[str] = ..., added_seq: _Optional[int] = ...) -> None: ...

class HardwareNodeRow(_message.Message):
    __slots__ = ("participant", "node_id", "current", "next", "next_epoch", "next_removed")
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    NEXT_EPOCH_FIELD_NUMBER: _ClassVar[int]
    NEXT_REMOVED_FIELD_NUMBER: _ClassVar[int]
    participant: str
    node_id: str
    current: HardwareNode
    next: HardwareNode
    next_epoch: int
    next_removed: bool
    def __init__(self, participant: _Optional[str] = ..., node_id: _Optional[str] = ..., current: _Optional[_Union[HardwareNode, _Mapping]] = ..., next: _Optional[_Union[HardwareNode, _Mapping]] = ..., next_epoch: _Optional[int] = ..., next_removed: bool = ...) -> None: ...

class FleetLoad(_message.Message):
    __slots__ = ("participant", "load")
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    participant: str
    load: int
    def __init__(self, participant: _Optional[str] = ..., load: _Optional[int] = ...) -> None: ...
