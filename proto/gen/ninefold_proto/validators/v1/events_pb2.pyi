from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class EventPowerTold(_message.Message):
    __slots__ = ("operator", "consensus_address", "power")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    operator: str
    consensus_address: str
    power: int
    def __init__(self, operator: _Optional[str] = ..., consensus_address: _Optional[str] = ..., power: _Optional[int] = ...) -> None: ...

class EventMemberLeftOut(_message.Message):
    __slots__ = ("period", "operator", "reason")
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    period: int
    operator: str
    reason: str
    def __init__(self, period: _Optional[int] = ..., operator: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class EventJailed(_message.Message):
    __slots__ = ("operator", "height")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    operator: str
    height: int
    def __init__(self, operator: _Optional[str] = ..., height: _Optional[int] = ...) -> None: ...

class EventUnjailed(_message.Message):
    __slots__ = ("operator", "height")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    operator: str
    height: int
    def __init__(self, operator: _Optional[str] = ..., height: _Optional[int] = ...) -> None: ...

class EventTombstoned(_message.Message):
    __slots__ = ("operator", "consensus_address", "in_use")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    IN_USE_FIELD_NUMBER: _ClassVar[int]
    operator: str
    consensus_address: str
    in_use: bool
    def __init__(self, operator: _Optional[str] = ..., consensus_address: _Optional[str] = ..., in_use: bool = ...) -> None: ...

class EventStepFailed(_message.Message):
    __slots__ = ("step", "error")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    step: str
    error: str
    def __init__(self, step: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...
