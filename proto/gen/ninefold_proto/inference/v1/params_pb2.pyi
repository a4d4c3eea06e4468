from amino import amino_pb2 as _amino_pb2
from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from gogoproto import gogo_pb2 as _gogo_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PocKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POC_KIND_UNSPECIFIED: _ClassVar[PocKind]
    POC_KIND_EXACT8: _ClassVar[PocKind]
    POC_KIND_SERVED_MODEL: _ClassVar[PocKind]
POC_KIND_UNSPECIFIED: PocKind
POC_KIND_EXACT8: PocKind
POC_KIND_SERVED_MODEL: PocKind

class PocModel(_message.Message):
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

class Params(_message.Message):
    __slots__ = ("poc_exchange_blocks", "poc_validation_exchange_blocks", "model_loading_blocks", "inference_blocks", "poc_kind", "poc_version", "poc_model", "lanes", "valid_fraction", "r_target", "cq", "sample_size", "seats_per_host", "p_mismatch", "fraud_threshold", "min_host_nonces", "max_nonces_per_node", "max_batches_per_node", "free_messages_per_stage", "formation_hosts_per_block", "settlement_hosts_per_block", "allocation_blocks", "max_pruned_keys_per_block", "initial_epoch_subsidy", "decay_factor", "max_supply", "coverage_bonus", "coverage_spread", "max_serving_fraction", "max_consecutive_preserved_epochs", "throughput_validation_enabled", "max_validators", "min_kept_power", "claim_retention_epochs", "epoch_retention", "max_models", "initial_unit_price", "serving_burn")
    POC_EXCHANGE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    POC_VALIDATION_EXCHANGE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    MODEL_LOADING_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    POC_KIND_FIELD_NUMBER: _ClassVar[int]
    POC_VERSION_FIELD_NUMBER: _ClassVar[int]
    POC_MODEL_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    VALID_FRACTION_FIELD_NUMBER: _ClassVar[int]
    R_TARGET_FIELD_NUMBER: _ClassVar[int]
    CQ_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    SEATS_PER_HOST_FIELD_NUMBER: _ClassVar[int]
    P_MISMATCH_FIELD_NUMBER: _ClassVar[int]
    FRAUD_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    MIN_HOST_NONCES_FIELD_NUMBER: _ClassVar[int]
    MAX_NONCES_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCHES_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    FREE_MESSAGES_PER_STAGE_FIELD_NUMBER: _ClassVar[int]
    FORMATION_HOSTS_PER_BLOCK_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_HOSTS_PER_BLOCK_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    MAX_PRUNED_KEYS_PER_BLOCK_FIELD_NUMBER: _ClassVar[int]
    INITIAL_EPOCH_SUBSIDY_FIELD_NUMBER: _ClassVar[int]
    DECAY_FACTOR_FIELD_NUMBER: _ClassVar[int]
    MAX_SUPPLY_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_BONUS_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_SPREAD_FIELD_NUMBER: _ClassVar[int]
    MAX_SERVING_FRACTION_FIELD_NUMBER: _ClassVar[int]
    MAX_CONSECUTIVE_PRESERVED_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    THROUGHPUT_VALIDATION_ENABLED_FIELD_NUMBER: _ClassVar[int]
    MAX_VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    MIN_KEPT_POWER_FIELD_NUMBER: _ClassVar[int]
    CLAIM_RETENTION_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_RETENTION_FIELD_NUMBER: _ClassVar[int]
    MAX_MODELS_FIELD_NUMBER: _ClassVar[int]
    INITIAL_UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    SERVING_BURN_FIELD_NUMBER: _ClassVar[int]
    poc_exchange_blocks: int
    poc_validation_exchange_blocks: int
    model_loading_blocks: int
    inference_blocks: int
    poc_kind: PocKind
    poc_version: int
    poc_model: PocModel
    lanes: int
    valid_fraction: str
    r_target: str
    cq: int
    sample_size: int
    seats_per_host: int
    p_mismatch: str
    fraud_threshold: str
    min_host_nonces: int
    max_nonces_per_node: int
    max_batches_per_node: int
    free_messages_per_stage: int
    formation_hosts_per_block: int
    settlement_hosts_per_block: int
    allocation_blocks: int
    max_pruned_keys_per_block: int
    initial_epoch_subsidy: str
    decay_factor: str
    max_supply: str
    coverage_bonus: str
    coverage_spread: int
    max_serving_fraction: str
    max_consecutive_preserved_epochs: int
    throughput_validation_enabled: bool
    max_validators: int
    min_kept_power: str
    claim_retention_epochs: int
    epoch_retention: int
    max_models: int
    initial_unit_price: int
    serving_burn: str
    def __init__(self, poc_exchange_blocks: _Optional[int] = ..., poc_validation_exchange_blocks: _Optional[int] = ..., model_loading_blocks: _Optional[int] = ..., inference_blocks: _Optional[int] = ..., poc_kind: _Optional[_Union[PocKind, str]] = ..., poc_version: _Optional[int] = ..., poc_model: _Optional[_Union[PocModel, _Mapping]] = ..., lanes: _Optional[int] = ..., valid_fraction: _Optional[str] = ..., r_target: _Optional[str] = ..., cq: _Optional[int] = ..., sample_size: _Optional[int] = ..., seats_per_host: _Optional[int] = ..., p_mismatch: _Optional[str] = ..., fraud_threshold: _Optional[str] = ..., min_host_nonces: _Optional[int] = ..., max_nonces_per_node: _Optional[int] = ..., max_batches_per_node: _Optional[int] = ..., free_messages_per_stage: _Optional[int] = ..., formation_hosts_per_block: _Optional[int] = ..., settlement_hosts_per_block: _Optional[int] = ..., allocation_blocks: _Optional[int] = ..., max_pruned_keys_per_block: _Optional[int] = ..., initial_epoch_subsidy: _Optional[str] = ..., decay_factor: _Optional[str] = ..., max_supply: _Optional[str] = ..., coverage_bonus: _Optional[str] = ..., coverage_spread: _Optional[int] = ..., max_serving_fraction: _Optional[str] = ..., max_consecutive_preserved_epochs: _Optional[int] = ..., throughput_validation_enabled: bool = ..., max_validators: _Optional[int] = ..., min_kept_power: _Optional[str] = ..., claim_retention_epochs: _Optional[int] = ..., epoch_retention: _Optional[int] = ..., max_models: _Optional[int] = ..., initial_unit_price: _Optional[int] = ..., serving_burn: _Optional[str] = ...) -> None: ...
