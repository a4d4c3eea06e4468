from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Validator(_message.Message):
    __slots__ = ("operator", "consensus_key", "power", "told_power", "weight", "jailed", "tombstoned", "jailed_since", "jailed_blocks", "left_height", "moniker")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_KEY_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    TOLD_POWER_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    JAILED_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONED_FIELD_NUMBER: _ClassVar[int]
    JAILED_SINCE_FIELD_NUMBER: _ClassVar[int]
    JAILED_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    LEFT_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    MONIKER_FIELD_NUMBER: _ClassVar[int]
    operator: str
    consensus_key: bytes
    power: int
    told_power: int
    weight: int
    jailed: bool
    tombstoned: bool
    jailed_since: int
    jailed_blocks: int
    left_height: int
    moniker: str
    def __init__(self, operator: _Optional[str] = ..., consensus_key: _Optional[bytes] = ..., power: _Optional[int] = ..., told_power: _Optional[int] = ..., weight: _Optional[int] = ..., jailed: bool = ..., tombstoned: bool = ..., jailed_since: _Optional[int] = ..., jailed_blocks: _Optional[int] = ..., left_height: _Optional[int] = ..., moniker: _Optional[str] = ...) -> None: ...

class ConsensusAddress(_message.Message):
    __slots__ = ("address", "operator", "consensus_key", "keep_until", "told_power", "tombstoned", "keep_until_time")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_KEY_FIELD_NUMBER: _ClassVar[int]
    KEEP_UNTIL_FIELD_NUMBER: _ClassVar[int]
    TOLD_POWER_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONED_FIELD_NUMBER: _ClassVar[int]
    KEEP_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    address: bytes
    operator: str
    consensus_key: bytes
    keep_until: int
    told_power: int
    tombstoned: bool
    keep_until_time: int
    def __init__(self, address: _Optional[bytes] = ..., operator: _Optional[str] = ..., consensus_key: _Optional[bytes] = ..., keep_until: _Optional[int] = ..., told_power: _Optional[int] = ..., tombstoned: bool = ..., keep_until_time: _Optional[int] = ...) -> None: ...

class PeriodJail(_message.Message):
    __slots__ = ("period", "operator", "blocks")
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    period: int
    operator: str
    blocks: int
    def __init__(self, period: _Optional[int] = ..., operator: _Optional[str] = ..., blocks: _Optional[int] = ...) -> None: ...

class Period(_message.Message):
    __slots__ = ("index", "since", "max_validators")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    MAX_VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    index: int
    since: int
    max_validators: int
    def __init__(self, index: _Optional[int] = ..., since: _Optional[int] = ..., max_validators: _Optional[int] = ...) -> None: ...
