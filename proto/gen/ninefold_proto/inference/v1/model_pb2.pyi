from gogoproto import gogo_pb2 as _gogo_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Model(_message.Message):
    __slots__ = ("id", "proposed_by", "name", "version", "hf_repo", "hf_commit", "model_args", "vram_gb", "throughput_per_nonce", "units_of_compute_per_token", "quantization", "context_size", "kv_cache_quantization")
    ID_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_BY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HF_REPO_FIELD_NUMBER: _ClassVar[int]
    HF_COMMIT_FIELD_NUMBER: _ClassVar[int]
    MODEL_ARGS_FIELD_NUMBER: _ClassVar[int]
    VRAM_GB_FIELD_NUMBER: _ClassVar[int]
    THROUGHPUT_PER_NONCE_FIELD_NUMBER: _ClassVar[int]
    UNITS_OF_COMPUTE_PER_TOKEN_FIELD_NUMBER: _ClassVar[int]
    QUANTIZATION_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_SIZE_FIELD_NUMBER: _ClassVar[int]
    KV_CACHE_QUANTIZATION_FIELD_NUMBER: _ClassVar[int]
    id: str
    proposed_by: str
    name: str
    version: str
    hf_repo: str
    hf_commit: str
    model_args: _containers.RepeatedScalarFieldContainer[str]
    vram_gb: int
    throughput_per_nonce: int
    units_of_compute_per_token: int
    quantization: str
    context_size: int
    kv_cache_quantization: str
    def __init__(self, id: _Optional[str] = ..., proposed_by: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., hf_repo: _Optional[str] = ..., hf_commit: _Optional[str] = ..., model_args: _Optional[_Iterable[str]] = ..., vram_gb: _Optional[int] = ..., throughput_per_nonce: _Optional[int] = ..., units_of_compute_per_token: _Optional[int] = ..., quantization: _Optional[str] = ..., context_size: _Optional[int] = ..., kv_cache_quantization: _Optional[str] = ...) -> None: ...

class EpochModel(_message.Message):
    __slots__ = ("epoch_index", "model")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    model: Model
    def __init__(self, epoch_index: _Optional[int] = ..., model: _Optional[_Union[Model, _Mapping]] = ...) -> None: ...
