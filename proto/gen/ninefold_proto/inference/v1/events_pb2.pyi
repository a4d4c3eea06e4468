from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from ninefold_proto.inference.v1 import epoch_pb2 as _epoch_pb2
from ninefold_proto.inference.v1 import poc_pb2 as _poc_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventStageChanged(_message.Message):
    __slots__ = ("epoch_index", "stage", "height")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    stage: _epoch_pb2.Stage
    height: int
    def __init__(self, epoch_index: _Optional[int] = ..., stage: _Optional[_Union[_epoch_pb2.Stage, str]] = ..., height: _Optional[int] = ...) -> None: ...

class EventModelRegistered(_message.Message):
    __slots__ = ("model_id", "created")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    created: bool
    def __init__(self, model_id: _Optional[str] = ..., created: bool = ...) -> None: ...

class EventModelRemoved(_message.Message):
    __slots__ = ("model_id",)
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    def __init__(self, model_id: _Optional[str] = ...) -> None: ...

class EventParamsUpdated(_message.Message):
    __slots__ = ("acts_from_epoch",)
    ACTS_FROM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    acts_from_epoch: int
    def __init__(self, acts_from_epoch: _Optional[int] = ...) -> None: ...

class EventParticipantRegistered(_message.Message):
    __slots__ = ("participant", "url", "created")
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    participant: str
    url: str
    created: bool
    def __init__(self, participant: _Optional[str] = ..., url: _Optional[str] = ..., created: bool = ...) -> None: ...

class EventHardwareChanged(_message.Message):
    __slots__ = ("participant", "added", "modified", "removed", "acts_from_epoch")
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    ACTS_FROM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    participant: str
    added: _containers.RepeatedScalarFieldContainer[str]
    modified: _containers.RepeatedScalarFieldContainer[str]
    removed: _containers.RepeatedScalarFieldContainer[str]
    acts_from_epoch: int
    def __init__(self, participant: _Optional[str] = ..., added: _Optional[_Iterable[str]] = ..., modified: _Optional[_Iterable[str]] = ..., removed: _Optional[_Iterable[str]] = ..., acts_from_epoch: _Optional[int] = ...) -> None: ...

class EventBatchAccepted(_message.Message):
    __slots__ = ("epoch_index", "participant", "node_id", "batch_id", "count")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    node_id: str
    batch_id: int
    count: int
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., node_id: _Optional[str] = ..., batch_id: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class EventVerdict(_message.Message):
    __slots__ = ("epoch_index", "holder", "participant", "seats", "sampled", "invalid", "unavailable", "structural")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    SEATS_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    INVALID_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    STRUCTURAL_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    holder: str
    participant: str
    seats: int
    sampled: int
    invalid: int
    unavailable: bool
    structural: bool
    def __init__(self, epoch_index: _Optional[int] = ..., holder: _Optional[str] = ..., participant: _Optional[str] = ..., seats: _Optional[int] = ..., sampled: _Optional[int] = ..., invalid: _Optional[int] = ..., unavailable: bool = ..., structural: bool = ...) -> None: ...

class EventWeightComputed(_message.Message):
    __slots__ = ("epoch_index", "participant", "weight", "reason")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    weight: int
    reason: _poc_pb2.WeightReason
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., weight: _Optional[int] = ..., reason: _Optional[_Union[_poc_pb2.WeightReason, str]] = ...) -> None: ...

class EventSlotAllocated(_message.Message):
    __slots__ = ("epoch_index", "model_id", "participant", "node_id")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    model_id: str
    participant: str
    node_id: str
    def __init__(self, epoch_index: _Optional[int] = ..., model_id: _Optional[str] = ..., participant: _Optional[str] = ..., node_id: _Optional[str] = ...) -> None: ...

class EventNextEpochReady(_message.Message):
    __slots__ = ("epoch_index", "total_weight", "members")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    TOTAL_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    total_weight: int
    members: int
    def __init__(self, epoch_index: _Optional[int] = ..., total_weight: _Optional[int] = ..., members: _Optional[int] = ...) -> None: ...

class EventEpochAbandoned(_message.Message):
    __slots__ = ("epoch_index", "effective", "reason")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    effective: int
    reason: str
    def __init__(self, epoch_index: _Optional[int] = ..., effective: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class EventEpochEffective(_message.Message):
    __slots__ = ("epoch_index", "total_weight")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    TOTAL_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    total_weight: int
    def __init__(self, epoch_index: _Optional[int] = ..., total_weight: _Optional[int] = ...) -> None: ...

class EventValidatorsSwitched(_message.Message):
    __slots__ = ("epoch_index", "validators", "total_power")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_POWER_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    validators: int
    total_power: int
    def __init__(self, epoch_index: _Optional[int] = ..., validators: _Optional[int] = ..., total_power: _Optional[int] = ...) -> None: ...

class EventRewardSettled(_message.Message):
    __slots__ = ("epoch_index", "participant", "amount")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    amount: str
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...

class EventRewardClaimed(_message.Message):
    __slots__ = ("participant", "amount", "epochs")
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    participant: str
    amount: str
    epochs: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, participant: _Optional[str] = ..., amount: _Optional[str] = ..., epochs: _Optional[_Iterable[int]] = ...) -> None: ...

class EventRewardExpired(_message.Message):
    __slots__ = ("epoch_index", "participant", "amount")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    amount: str
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...

class EventStepFailed(_message.Message):
    __slots__ = ("step", "error")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    step: str
    error: str
    def __init__(self, step: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...
