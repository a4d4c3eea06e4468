from amino import amino_pb2 as _amino_pb2
from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from gogoproto import gogo_pb2 as _gogo_pb2
from ninefold_proto.inference.v1 import model_pb2 as _model_pb2
from ninefold_proto.inference.v1 import params_pb2 as _params_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Stage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STAGE_UNSPECIFIED: _ClassVar[Stage]
    STAGE_POC_START: _ClassVar[Stage]
    STAGE_POC_EXCHANGE: _ClassVar[Stage]
    STAGE_POC_END: _ClassVar[Stage]
    STAGE_POC_VALIDATION_START: _ClassVar[Stage]
    STAGE_POC_VALIDATION_EXCHANGE: _ClassVar[Stage]
    STAGE_POC_VALIDATION_END: _ClassVar[Stage]
    STAGE_MODEL_LOADING: _ClassVar[Stage]
    STAGE_SET_NEW_VALIDATORS: _ClassVar[Stage]
    STAGE_INFERENCE: _ClassVar[Stage]

class EpochStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EPOCH_STATUS_UNSPECIFIED: _ClassVar[EpochStatus]
    EPOCH_STATUS_PLANNED: _ClassVar[EpochStatus]
    EPOCH_STATUS_OPENED: _ClassVar[EpochStatus]
    EPOCH_STATUS_FORMED: _ClassVar[EpochStatus]
    EPOCH_STATUS_EFFECTIVE: _ClassVar[EpochStatus]
    EPOCH_STATUS_ABANDONED: _ClassVar[EpochStatus]
    EPOCH_STATUS_SETTLING: _ClassVar[EpochStatus]
    EPOCH_STATUS_SETTLED: _ClassVar[EpochStatus]

class Timeslot(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRE_POC_SLOT: _ClassVar[Timeslot]
    POC_SLOT: _ClassVar[Timeslot]
STAGE_UNSPECIFIED: Stage
STAGE_POC_START: Stage
STAGE_POC_EXCHANGE: Stage
STAGE_POC_END: Stage
STAGE_POC_VALIDATION_START: Stage
STAGE_POC_VALIDATION_EXCHANGE: Stage
STAGE_POC_VALIDATION_END: Stage
STAGE_MODEL_LOADING: Stage
STAGE_SET_NEW_VALIDATORS: Stage
STAGE_INFERENCE: Stage
EPOCH_STATUS_UNSPECIFIED: EpochStatus
EPOCH_STATUS_PLANNED: EpochStatus
EPOCH_STATUS_OPENED: EpochStatus
EPOCH_STATUS_FORMED: EpochStatus
EPOCH_STATUS_EFFECTIVE: EpochStatus
EPOCH_STATUS_ABANDONED: EpochStatus
EPOCH_STATUS_SETTLING: EpochStatus
EPOCH_STATUS_SETTLED: EpochStatus
PRE_POC_SLOT: Timeslot
POC_SLOT: Timeslot

class EpochHeights(_message.Message):
    __slots__ = ("poc_start", "poc_end", "poc_validation_start", "poc_validation_end", "set_new_validators", "next_poc_start")
    POC_START_FIELD_NUMBER: _ClassVar[int]
    POC_END_FIELD_NUMBER: _ClassVar[int]
    POC_VALIDATION_START_FIELD_NUMBER: _ClassVar[int]
    POC_VALIDATION_END_FIELD_NUMBER: _ClassVar[int]
    SET_NEW_VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    NEXT_POC_START_FIELD_NUMBER: _ClassVar[int]
    poc_start: int
    poc_end: int
    poc_validation_start: int
    poc_validation_end: int
    set_new_validators: int
    next_poc_start: int
    def __init__(self, poc_start: _Optional[int] = ..., poc_end: _Optional[int] = ..., poc_validation_start: _Optional[int] = ..., poc_validation_end: _Optional[int] = ..., set_new_validators: _Optional[int] = ..., next_poc_start: _Optional[int] = ...) -> None: ...

class Epoch(_message.Message):
    __slots__ = ("index", "status", "heights", "params", "judged_by", "effective_from", "effective_to", "abandoned_reason")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HEIGHTS_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    JUDGED_BY_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TO_FIELD_NUMBER: _ClassVar[int]
    ABANDONED_REASON_FIELD_NUMBER: _ClassVar[int]
    index: int
    status: EpochStatus
    heights: EpochHeights
    params: _params_pb2.Params
    judged_by: int
    effective_from: int
    effective_to: int
    abandoned_reason: str
    def __init__(self, index: _Optional[int] = ..., status: _Optional[_Union[EpochStatus, str]] = ..., heights: _Optional[_Union[EpochHeights, _Mapping]] = ..., params: _Optional[_Union[_params_pb2.Params, _Mapping]] = ..., judged_by: _Optional[int] = ..., effective_from: _Optional[int] = ..., effective_to: _Optional[int] = ..., abandoned_reason: _Optional[str] = ...) -> None: ...

class Round(_message.Message):
    __slots__ = ("epoch_index", "challenge", "challenge_height", "sampling_seed", "sampling_height")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_SEED_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    challenge: bytes
    challenge_height: int
    sampling_seed: bytes
    sampling_height: int
    def __init__(self, epoch_index: _Optional[int] = ..., challenge: _Optional[bytes] = ..., challenge_height: _Optional[int] = ..., sampling_seed: _Optional[bytes] = ..., sampling_height: _Optional[int] = ...) -> None: ...

class MLNodeInfo(_message.Message):
    __slots__ = ("node_id", "throughput", "poc_weight", "timeslot_allocation")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    THROUGHPUT_FIELD_NUMBER: _ClassVar[int]
    POC_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TIMESLOT_ALLOCATION_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    throughput: int
    poc_weight: int
    timeslot_allocation: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, node_id: _Optional[str] = ..., throughput: _Optional[int] = ..., poc_weight: _Optional[int] = ..., timeslot_allocation: _Optional[_Iterable[bool]] = ...) -> None: ...

class EpochGroup(_message.Message):
    __slots__ = ("epoch_index", "model_id", "model_snapshot", "total_weight", "total_throughput", "expected_throughput_vector", "real_throughput_vector", "member_count", "sub_group_models")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_THROUGHPUT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_THROUGHPUT_VECTOR_FIELD_NUMBER: _ClassVar[int]
    REAL_THROUGHPUT_VECTOR_FIELD_NUMBER: _ClassVar[int]
    MEMBER_COUNT_FIELD_NUMBER: _ClassVar[int]
    SUB_GROUP_MODELS_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    model_id: str
    model_snapshot: _model_pb2.Model
    total_weight: int
    total_throughput: int
    expected_throughput_vector: _containers.RepeatedScalarFieldContainer[int]
    real_throughput_vector: _containers.RepeatedScalarFieldContainer[int]
    member_count: int
    sub_group_models: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, epoch_index: _Optional[int] = ..., model_id: _Optional[str] = ..., model_snapshot: _Optional[_Union[_model_pb2.Model, _Mapping]] = ..., total_weight: _Optional[int] = ..., total_throughput: _Optional[int] = ..., expected_throughput_vector: _Optional[_Iterable[int]] = ..., real_throughput_vector: _Optional[_Iterable[int]] = ..., member_count: _Optional[int] = ..., sub_group_models: _Optional[_Iterable[str]] = ...) -> None: ...

class EpochMember(_message.Message):
    __slots__ = ("epoch_index", "model_id", "participant", "weight", "index", "cumulative_weight", "consensus_key")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    CUMULATIVE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_KEY_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    model_id: str
    participant: str
    weight: int
    index: int
    cumulative_weight: int
    consensus_key: bytes
    def __init__(self, epoch_index: _Optional[int] = ..., model_id: _Optional[str] = ..., participant: _Optional[str] = ..., weight: _Optional[int] = ..., index: _Optional[int] = ..., cumulative_weight: _Optional[int] = ..., consensus_key: _Optional[bytes] = ...) -> None: ...

class MemberPage(_message.Message):
    __slots__ = ("addresses", "cumulative_weights")
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    CUMULATIVE_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    addresses: bytes
    cumulative_weights: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, addresses: _Optional[bytes] = ..., cumulative_weights: _Optional[_Iterable[int]] = ...) -> None: ...

class EpochNode(_message.Message):
    __slots__ = ("epoch_index", "model_id", "participant", "info", "models")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    model_id: str
    participant: str
    info: MLNodeInfo
    models: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, epoch_index: _Optional[int] = ..., model_id: _Optional[str] = ..., participant: _Optional[str] = ..., info: _Optional[_Union[MLNodeInfo, _Mapping]] = ..., models: _Optional[_Iterable[str]] = ...) -> None: ...

class Clock(_message.Message):
    __slots__ = ("opened", "effective", "next_added_seq", "participants", "fleet_load")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FIELD_NUMBER: _ClassVar[int]
    NEXT_ADDED_SEQ_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    FLEET_LOAD_FIELD_NUMBER: _ClassVar[int]
    opened: int
    effective: int
    next_added_seq: int
    participants: int
    fleet_load: int
    def __init__(self, opened: _Optional[int] = ..., effective: _Optional[int] = ..., next_added_seq: _Optional[int] = ..., participants: _Optional[int] = ..., fleet_load: _Optional[int] = ...) -> None: ...

class FormationCursor(_message.Message):
    __slots__ = ("epoch_index", "after", "members", "total_weight", "hosts_per_block", "kept_weight", "scale_old", "scale_new", "done", "phase", "remaining")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    HOSTS_PER_BLOCK_FIELD_NUMBER: _ClassVar[int]
    KEPT_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    SCALE_OLD_FIELD_NUMBER: _ClassVar[int]
    SCALE_NEW_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    after: str
    members: int
    total_weight: int
    hosts_per_block: int
    kept_weight: int
    scale_old: int
    scale_new: int
    done: bool
    phase: int
    remaining: int
    def __init__(self, epoch_index: _Optional[int] = ..., after: _Optional[str] = ..., members: _Optional[int] = ..., total_weight: _Optional[int] = ..., hosts_per_block: _Optional[int] = ..., kept_weight: _Optional[int] = ..., scale_old: _Optional[int] = ..., scale_new: _Optional[int] = ..., done: bool = ..., phase: _Optional[int] = ..., remaining: _Optional[int] = ...) -> None: ...

class PruneCursor(_message.Message):
    __slots__ = ("epoch_index", "collection", "last_opened")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    LAST_OPENED_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    collection: int
    last_opened: int
    def __init__(self, epoch_index: _Optional[int] = ..., collection: _Optional[int] = ..., last_opened: _Optional[int] = ...) -> None: ...
