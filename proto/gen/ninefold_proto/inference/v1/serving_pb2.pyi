from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Receipt(_message.Message):
    __slots__ = ("developer", "sequence", "signed_height", "prompt_tokens", "completion_tokens", "request_hash", "response_hash", "max_cost", "signature")
    DEVELOPER_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SIGNED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_HASH_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_HASH_FIELD_NUMBER: _ClassVar[int]
    MAX_COST_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    developer: str
    sequence: int
    signed_height: int
    prompt_tokens: int
    completion_tokens: int
    request_hash: bytes
    response_hash: bytes
    max_cost: str
    signature: bytes
    def __init__(self, developer: _Optional[str] = ..., sequence: _Optional[int] = ..., signed_height: _Optional[int] = ..., prompt_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ..., request_hash: _Optional[bytes] = ..., response_hash: _Optional[bytes] = ..., max_cost: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class DeveloperAccount(_message.Message):
    __slots__ = ("address", "balance")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    address: str
    balance: str
    def __init__(self, address: _Optional[str] = ..., balance: _Optional[str] = ...) -> None: ...

class UnitPrice(_message.Message):
    __slots__ = ("epoch_index", "price")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    price: int
    def __init__(self, epoch_index: _Optional[int] = ..., price: _Optional[int] = ...) -> None: ...

class UsedReceipt(_message.Message):
    __slots__ = ("epoch_index", "hash")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    hash: bytes
    def __init__(self, epoch_index: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class ServedTokens(_message.Message):
    __slots__ = ("model_id", "height", "tokens")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    height: int
    tokens: int
    def __init__(self, model_id: _Optional[str] = ..., height: _Optional[int] = ..., tokens: _Optional[int] = ...) -> None: ...
