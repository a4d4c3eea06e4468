from amino import amino_pb2 as _amino_pb2
from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from gogoproto import gogo_pb2 as _gogo_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_ACCEPTED: _ClassVar[Outcome]
    OUTCOME_FRAUD: _ClassVar[Outcome]
    OUTCOME_UNAVAILABLE: _ClassVar[Outcome]
    OUTCOME_REJECTED: _ClassVar[Outcome]
    OUTCOME_NO_QUORUM: _ClassVar[Outcome]
    OUTCOME_BELOW_MINIMUM: _ClassVar[Outcome]
    OUTCOME_NO_BATCH: _ClassVar[Outcome]

class WeightReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEIGHT_REASON_UNSPECIFIED: _ClassVar[WeightReason]
    WEIGHT_REASON_MINED: _ClassVar[WeightReason]
    WEIGHT_REASON_PRESERVED: _ClassVar[WeightReason]
    WEIGHT_REASON_ACCEPTED: _ClassVar[WeightReason]
    WEIGHT_REASON_NO_QUORUM: _ClassVar[WeightReason]
    WEIGHT_REASON_FRAUD: _ClassVar[WeightReason]
    WEIGHT_REASON_REJECTED: _ClassVar[WeightReason]
    WEIGHT_REASON_UNAVAILABLE: _ClassVar[WeightReason]
    WEIGHT_REASON_BELOW_MINIMUM: _ClassVar[WeightReason]
    WEIGHT_REASON_NO_BATCH: _ClassVar[WeightReason]
    WEIGHT_REASON_REMOVED: _ClassVar[WeightReason]
    WEIGHT_REASON_NOT_IN_FLEET: _ClassVar[WeightReason]
    WEIGHT_REASON_JAILED: _ClassVar[WeightReason]
    WEIGHT_REASON_SOLE_MEMBER: _ClassVar[WeightReason]
    WEIGHT_REASON_GENESIS: _ClassVar[WeightReason]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_ACCEPTED: Outcome
OUTCOME_FRAUD: Outcome
OUTCOME_UNAVAILABLE: Outcome
OUTCOME_REJECTED: Outcome
OUTCOME_NO_QUORUM: Outcome
OUTCOME_BELOW_MINIMUM: Outcome
OUTCOME_NO_BATCH: Outcome
WEIGHT_REASON_UNSPECIFIED: WeightReason
WEIGHT_REASON_MINED: WeightReason
WEIGHT_REASON_PRESERVED: WeightReason
WEIGHT_REASON_ACCEPTED: WeightReason
WEIGHT_REASON_NO_QUORUM: WeightReason
WEIGHT_REASON_FRAUD: WeightReason
WEIGHT_REASON_REJECTED: WeightReason
WEIGHT_REASON_UNAVAILABLE: WeightReason
WEIGHT_REASON_BELOW_MINIMUM: WeightReason
WEIGHT_REASON_NO_BATCH: WeightReason
WEIGHT_REASON_REMOVED: WeightReason
WEIGHT_REASON_NOT_IN_FLEET: WeightReason
WEIGHT_REASON_JAILED: WeightReason
WEIGHT_REASON_SOLE_MEMBER: WeightReason
WEIGHT_REASON_GENESIS: WeightReason

class PocBatch(_message.Message):
    __slots__ = ("node_id", "batch_id", "count", "root", "lane_next")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    LANE_NEXT_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    batch_id: int
    count: int
    root: bytes
    lane_next: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, node_id: _Optional[str] = ..., batch_id: _Optional[int] = ..., count: _Optional[int] = ..., root: _Optional[bytes] = ..., lane_next: _Optional[_Iterable[int]] = ...) -> None: ...

class StoredPocBatch(_message.Message):
    __slots__ = ("epoch_index", "participant", "batch", "height")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    batch: PocBatch
    height: int
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., batch: _Optional[_Union[PocBatch, _Mapping]] = ..., height: _Optional[int] = ...) -> None: ...

class PocNodeClaims(_message.Message):
    __slots__ = ("epoch_index", "participant", "node_id", "node_index", "last_batch_id", "claimed", "lane_next")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_INDEX_FIELD_NUMBER: _ClassVar[int]
    LAST_BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    LANE_NEXT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    node_id: str
    node_index: int
    last_batch_id: int
    claimed: int
    lane_next: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., node_id: _Optional[str] = ..., node_index: _Optional[int] = ..., last_batch_id: _Optional[int] = ..., claimed: _Optional[int] = ..., lane_next: _Optional[_Iterable[int]] = ...) -> None: ...

class PocHostClaims(_message.Message):
    __slots__ = ("epoch_index", "participant", "claimed", "batches")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    claimed: int
    batches: int
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., claimed: _Optional[int] = ..., batches: _Optional[int] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("participant", "sampled", "invalid", "unavailable", "structural", "work_proof")
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    INVALID_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    STRUCTURAL_FIELD_NUMBER: _ClassVar[int]
    WORK_PROOF_FIELD_NUMBER: _ClassVar[int]
    participant: str
    sampled: int
    invalid: int
    unavailable: bool
    structural: bool
    work_proof: bytes
    def __init__(self, participant: _Optional[str] = ..., sampled: _Optional[int] = ..., invalid: _Optional[int] = ..., unavailable: bool = ..., structural: bool = ..., work_proof: _Optional[bytes] = ...) -> None: ...

class StoredVerdict(_message.Message):
    __slots__ = ("epoch_index", "holder", "seats", "verdict", "height")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    SEATS_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    holder: str
    seats: int
    verdict: Verdict
    height: int
    def __init__(self, epoch_index: _Optional[int] = ..., holder: _Optional[str] = ..., seats: _Optional[int] = ..., verdict: _Optional[_Union[Verdict, _Mapping]] = ..., height: _Optional[int] = ...) -> None: ...

class Seat(_message.Message):
    __slots__ = ("holder", "seats")
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    SEATS_FIELD_NUMBER: _ClassVar[int]
    holder: str
    seats: int
    def __init__(self, holder: _Optional[str] = ..., seats: _Optional[int] = ...) -> None: ...

class SampleRef(_message.Message):
    __slots__ = ("index", "node_id", "node_index", "batch_id", "leaf")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_INDEX_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    index: int
    node_id: str
    node_index: int
    batch_id: int
    leaf: int
    def __init__(self, index: _Optional[int] = ..., node_id: _Optional[str] = ..., node_index: _Optional[int] = ..., batch_id: _Optional[int] = ..., leaf: _Optional[int] = ...) -> None: ...

class BatchOpening(_message.Message):
    __slots__ = ("node_id", "batch_id", "index", "x", "siblings")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    SIBLINGS_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    batch_id: int
    index: _containers.RepeatedScalarFieldContainer[int]
    x: _containers.RepeatedScalarFieldContainer[int]
    siblings: _containers.RepeatedCompositeFieldContainer[SubtreeSummary]
    def __init__(self, node_id: _Optional[str] = ..., batch_id: _Optional[int] = ..., index: _Optional[_Iterable[int]] = ..., x: _Optional[_Iterable[int]] = ..., siblings: _Optional[_Iterable[_Union[SubtreeSummary, _Mapping]]] = ...) -> None: ...

class SubtreeSummary(_message.Message):
    __slots__ = ("hash", "count", "min", "max")
    HASH_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    hash: bytes
    count: int
    min: int
    max: int
    def __init__(self, hash: _Optional[bytes] = ..., count: _Optional[int] = ..., min: _Optional[int] = ..., max: _Optional[int] = ...) -> None: ...

class Openings(_message.Message):
    __slots__ = ("epoch_index", "participant", "holder", "batches")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    holder: str
    batches: _containers.RepeatedCompositeFieldContainer[BatchOpening]
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., holder: _Optional[str] = ..., batches: _Optional[_Iterable[_Union[BatchOpening, _Mapping]]] = ...) -> None: ...

class HostOutcome(_message.Message):
    __slots__ = ("epoch_index", "participant", "outcome", "reason", "claimed", "credited", "mined_weight", "preserved_weight", "weight", "seats_drawn", "seats_honest", "seats_fraud", "seats_unavailable", "credit_sampled", "credit_invalid")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    CREDITED_FIELD_NUMBER: _ClassVar[int]
    MINED_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    PRESERVED_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    SEATS_DRAWN_FIELD_NUMBER: _ClassVar[int]
    SEATS_HONEST_FIELD_NUMBER: _ClassVar[int]
    SEATS_FRAUD_FIELD_NUMBER: _ClassVar[int]
    SEATS_UNAVAILABLE_FIELD_NUMBER: _ClassVar[int]
    CREDIT_SAMPLED_FIELD_NUMBER: _ClassVar[int]
    CREDIT_INVALID_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    outcome: Outcome
    reason: WeightReason
    claimed: int
    credited: int
    mined_weight: int
    preserved_weight: int
    weight: int
    seats_drawn: int
    seats_honest: int
    seats_fraud: int
    seats_unavailable: int
    credit_sampled: int
    credit_invalid: int
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., reason: _Optional[_Union[WeightReason, str]] = ..., claimed: _Optional[int] = ..., credited: _Optional[int] = ..., mined_weight: _Optional[int] = ..., preserved_weight: _Optional[int] = ..., weight: _Optional[int] = ..., seats_drawn: _Optional[int] = ..., seats_honest: _Optional[int] = ..., seats_fraud: _Optional[int] = ..., seats_unavailable: _Optional[int] = ..., credit_sampled: _Optional[int] = ..., credit_invalid: _Optional[int] = ...) -> None: ...

class NodeOutcome(_message.Message):
    __slots__ = ("epoch_index", "participant", "node_id", "node_index", "reason", "claimed", "weight")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_INDEX_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    node_id: str
    node_index: int
    reason: WeightReason
    claimed: int
    weight: int
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., node_id: _Optional[str] = ..., node_index: _Optional[int] = ..., reason: _Optional[_Union[WeightReason, str]] = ..., claimed: _Optional[int] = ..., weight: _Optional[int] = ...) -> None: ...

class JuryDuty(_message.Message):
    __slots__ = ("epoch_index", "participant", "drawn", "cast")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    DRAWN_FIELD_NUMBER: _ClassVar[int]
    CAST_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    drawn: int
    cast: int
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., drawn: _Optional[int] = ..., cast: _Optional[int] = ...) -> None: ...
