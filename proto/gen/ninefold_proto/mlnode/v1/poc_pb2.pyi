from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PocKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POC_KIND_UNSPECIFIED: _ClassVar[PocKind]
    POC_KIND_EXACT8: _ClassVar[PocKind]
    POC_KIND_SERVED_MODEL: _ClassVar[PocKind]

class PocPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POC_PHASE_UNSPECIFIED: _ClassVar[PocPhase]
    POC_PHASE_IDLE: _ClassVar[PocPhase]
    POC_PHASE_GENERATE: _ClassVar[PocPhase]
    POC_PHASE_VALIDATE: _ClassVar[PocPhase]
    POC_PHASE_STOP: _ClassVar[PocPhase]
    POC_PHASE_LOADING: _ClassVar[PocPhase]
POC_KIND_UNSPECIFIED: PocKind
POC_KIND_EXACT8: PocKind
POC_KIND_SERVED_MODEL: PocKind
POC_PHASE_UNSPECIFIED: PocPhase
POC_PHASE_IDLE: PocPhase
POC_PHASE_GENERATE: PocPhase
POC_PHASE_VALIDATE: PocPhase
POC_PHASE_STOP: PocPhase
POC_PHASE_LOADING: PocPhase

class PocParams(_message.Message):
    __slots__ = ("dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "ffn_dim_multiplier", "multiple_of", "seq_len")
    DIM_FIELD_NUMBER: _ClassVar[int]
    N_LAYERS_FIELD_NUMBER: _ClassVar[int]
    N_HEADS_FIELD_NUMBER: _ClassVar[int]
    N_KV_HEADS_FIELD_NUMBER: _ClassVar[int]
    VOCAB_SIZE_FIELD_NUMBER: _ClassVar[int]
    FFN_DIM_MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    MULTIPLE_OF_FIELD_NUMBER: _ClassVar[int]
    SEQ_LEN_FIELD_NUMBER: _ClassVar[int]
    dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    vocab_size: int
    ffn_dim_multiplier: str
    multiple_of: int
    seq_len: int
    def __init__(self, dim: _Optional[int] = ..., n_layers: _Optional[int] = ..., n_heads: _Optional[int] = ..., n_kv_heads: _Optional[int] = ..., vocab_size: _Optional[int] = ..., ffn_dim_multiplier: _Optional[str] = ..., multiple_of: _Optional[int] = ..., seq_len: _Optional[int] = ...) -> None: ...

class Round(_message.Message):
    __slots__ = ("kind", "poc_version", "block_hash", "block_height", "public_key", "node_index", "node_count", "lanes", "params", "valid_fraction", "r_target", "cq", "model_id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    POC_VERSION_FIELD_NUMBER: _ClassVar[int]
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    BLOCK_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    NODE_INDEX_FIELD_NUMBER: _ClassVar[int]
    NODE_COUNT_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    VALID_FRACTION_FIELD_NUMBER: _ClassVar[int]
    R_TARGET_FIELD_NUMBER: _ClassVar[int]
    CQ_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    kind: PocKind
    poc_version: int
    block_hash: str
    block_height: int
    public_key: bytes
    node_index: int
    node_count: int
    lanes: int
    params: PocParams
    valid_fraction: str
    r_target: str
    cq: int
    model_id: str
    def __init__(self, kind: _Optional[_Union[PocKind, str]] = ..., poc_version: _Optional[int] = ..., block_hash: _Optional[str] = ..., block_height: _Optional[int] = ..., public_key: _Optional[bytes] = ..., node_index: _Optional[int] = ..., node_count: _Optional[int] = ..., lanes: _Optional[int] = ..., params: _Optional[_Union[PocParams, _Mapping]] = ..., valid_fraction: _Optional[str] = ..., r_target: _Optional[str] = ..., cq: _Optional[int] = ..., model_id: _Optional[str] = ...) -> None: ...

class StartRoundRequest(_message.Message):
    __slots__ = ("round", "generation")
    ROUND_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    round: Round
    generation: int
    def __init__(self, round: _Optional[_Union[Round, _Mapping]] = ..., generation: _Optional[int] = ...) -> None: ...

class StartRoundResponse(_message.Message):
    __slots__ = ("fraction", "bytes", "seconds_left", "ready", "engine")
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_LEFT_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    fraction: float
    bytes: int
    seconds_left: float
    ready: bool
    engine: str
    def __init__(self, fraction: _Optional[float] = ..., bytes: _Optional[int] = ..., seconds_left: _Optional[float] = ..., ready: bool = ..., engine: _Optional[str] = ...) -> None: ...

class ProofBatch(_message.Message):
    __slots__ = ("public_key", "block_hash", "block_height", "node_index", "nonces", "distances", "lane_next")
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    BLOCK_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    NODE_INDEX_FIELD_NUMBER: _ClassVar[int]
    NONCES_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    LANE_NEXT_FIELD_NUMBER: _ClassVar[int]
    public_key: bytes
    block_hash: str
    block_height: int
    node_index: int
    nonces: _containers.RepeatedScalarFieldContainer[int]
    distances: _containers.RepeatedScalarFieldContainer[float]
    lane_next: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, public_key: _Optional[bytes] = ..., block_hash: _Optional[str] = ..., block_height: _Optional[int] = ..., node_index: _Optional[int] = ..., nonces: _Optional[_Iterable[int]] = ..., distances: _Optional[_Iterable[float]] = ..., lane_next: _Optional[_Iterable[int]] = ...) -> None: ...

class GenerateStart(_message.Message):
    __slots__ = ("generation", "lane_next", "max_valid", "window")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    LANE_NEXT_FIELD_NUMBER: _ClassVar[int]
    MAX_VALID_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    generation: int
    lane_next: _containers.RepeatedScalarFieldContainer[int]
    max_valid: int
    window: int
    def __init__(self, generation: _Optional[int] = ..., lane_next: _Optional[_Iterable[int]] = ..., max_valid: _Optional[int] = ..., window: _Optional[int] = ...) -> None: ...

class GenerateAck(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class GenerateRequest(_message.Message):
    __slots__ = ("start", "ack")
    START_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    start: GenerateStart
    ack: GenerateAck
    def __init__(self, start: _Optional[_Union[GenerateStart, _Mapping]] = ..., ack: _Optional[_Union[GenerateAck, _Mapping]] = ...) -> None: ...

class GenerateResponse(_message.Message):
    __slots__ = ("sequence", "batch")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    batch: ProofBatch
    def __init__(self, sequence: _Optional[int] = ..., batch: _Optional[_Union[ProofBatch, _Mapping]] = ...) -> None: ...

class ValidateRequest(_message.Message):
    __slots__ = ("request_id", "public_key", "nonces")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    NONCES_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    public_key: bytes
    nonces: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, request_id: _Optional[int] = ..., public_key: _Optional[bytes] = ..., nonces: _Optional[_Iterable[int]] = ...) -> None: ...

class ValidateResponse(_message.Message):
    __slots__ = ("request_id", "public_key", "nonces", "valid", "distances", "digests", "valid_count")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    NONCES_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    VALID_COUNT_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    public_key: bytes
    nonces: _containers.RepeatedScalarFieldContainer[int]
    valid: _containers.RepeatedScalarFieldContainer[bool]
    distances: _containers.RepeatedScalarFieldContainer[float]
    digests: _containers.RepeatedScalarFieldContainer[bytes]
    valid_count: int
    def __init__(self, request_id: _Optional[int] = ..., public_key: _Optional[bytes] = ..., nonces: _Optional[_Iterable[int]] = ..., valid: _Optional[_Iterable[bool]] = ..., distances: _Optional[_Iterable[float]] = ..., digests: _Optional[_Iterable[bytes]] = ..., valid_count: _Optional[int] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ("generation", "end_round")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    END_ROUND_FIELD_NUMBER: _ClassVar[int]
    generation: int
    end_round: bool
    def __init__(self, generation: _Optional[int] = ..., end_round: bool = ...) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PocServiceGetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GroupStatus(_message.Message):
    __slots__ = ("group_index", "devices", "engine", "batch_size", "worker_pid", "restarts", "error")
    GROUP_INDEX_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    WORKER_PID_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    group_index: int
    devices: _containers.RepeatedScalarFieldContainer[str]
    engine: str
    batch_size: int
    worker_pid: int
    restarts: int
    error: str
    def __init__(self, group_index: _Optional[int] = ..., devices: _Optional[_Iterable[str]] = ..., engine: _Optional[str] = ..., batch_size: _Optional[int] = ..., worker_pid: _Optional[int] = ..., restarts: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class PocServiceGetStatusResponse(_message.Message):
    __slots__ = ("phase", "round", "generated_nonces", "acknowledged_nonces", "verified_nonces", "walked_nonces", "acknowledged_lane_next", "nonces_per_second", "groups", "last_error", "verified_hosts")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    GENERATED_NONCES_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_NONCES_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_NONCES_FIELD_NUMBER: _ClassVar[int]
    WALKED_NONCES_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_LANE_NEXT_FIELD_NUMBER: _ClassVar[int]
    NONCES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_HOSTS_FIELD_NUMBER: _ClassVar[int]
    phase: PocPhase
    round: Round
    generated_nonces: int
    acknowledged_nonces: int
    verified_nonces: int
    walked_nonces: int
    acknowledged_lane_next: _containers.RepeatedScalarFieldContainer[int]
    nonces_per_second: float
    groups: _containers.RepeatedCompositeFieldContainer[GroupStatus]
    last_error: str
    verified_hosts: _containers.RepeatedCompositeFieldContainer[VerifiedHost]
    def __init__(self, phase: _Optional[_Union[PocPhase, str]] = ..., round: _Optional[_Union[Round, _Mapping]] = ..., generated_nonces: _Optional[int] = ..., acknowledged_nonces: _Optional[int] = ..., verified_nonces: _Optional[int] = ..., walked_nonces: _Optional[int] = ..., acknowledged_lane_next: _Optional[_Iterable[int]] = ..., nonces_per_second: _Optional[float] = ..., groups: _Optional[_Iterable[_Union[GroupStatus, _Mapping]]] = ..., last_error: _Optional[str] = ..., verified_hosts: _Optional[_Iterable[_Union[VerifiedHost, _Mapping]]] = ...) -> None: ...

class VerifiedHost(_message.Message):
    __slots__ = ("public_key", "nonces")
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    NONCES_FIELD_NUMBER: _ClassVar[int]
    public_key: bytes
    nonces: int
    def __init__(self, public_key: _Optional[bytes] = ..., nonces: _Optional[int] = ...) -> None: ...
