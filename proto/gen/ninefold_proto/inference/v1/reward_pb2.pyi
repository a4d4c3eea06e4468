from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Treasury(_message.Message):
    __slots__ = ("subsidy", "minted_total", "expired_total")
    SUBSIDY_FIELD_NUMBER: _ClassVar[int]
    MINTED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    subsidy: str
    minted_total: str
    expired_total: str
    def __init__(self, subsidy: _Optional[str] = ..., minted_total: _Optional[str] = ..., expired_total: _Optional[str] = ...) -> None: ...

class Settlement(_message.Message):
    __slots__ = ("epoch_index", "subsidy", "total_weight", "blocks", "after", "minted", "done")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    SUBSIDY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    MINTED_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    subsidy: str
    total_weight: int
    blocks: int
    after: str
    minted: str
    done: bool
    def __init__(self, epoch_index: _Optional[int] = ..., subsidy: _Optional[str] = ..., total_weight: _Optional[int] = ..., blocks: _Optional[int] = ..., after: _Optional[str] = ..., minted: _Optional[str] = ..., done: bool = ...) -> None: ...

class SettleAmount(_message.Message):
    __slots__ = ("epoch_index", "participant", "weight", "by_weight", "seats_cast", "seats_drawn", "unjailed_blocks", "blocks", "share", "bonus", "amount", "covers", "forfeited", "claimed", "serving")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    BY_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    SEATS_CAST_FIELD_NUMBER: _ClassVar[int]
    SEATS_DRAWN_FIELD_NUMBER: _ClassVar[int]
    UNJAILED_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    BONUS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    COVERS_FIELD_NUMBER: _ClassVar[int]
    FORFEITED_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    weight: int
    by_weight: str
    seats_cast: int
    seats_drawn: int
    unjailed_blocks: int
    blocks: int
    share: str
    bonus: str
    amount: str
    covers: bool
    forfeited: str
    claimed: bool
    serving: str
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., weight: _Optional[int] = ..., by_weight: _Optional[str] = ..., seats_cast: _Optional[int] = ..., seats_drawn: _Optional[int] = ..., unjailed_blocks: _Optional[int] = ..., blocks: _Optional[int] = ..., share: _Optional[str] = ..., bonus: _Optional[str] = ..., amount: _Optional[str] = ..., covers: bool = ..., forfeited: _Optional[str] = ..., claimed: bool = ..., serving: _Optional[str] = ...) -> None: ...

class Forfeit(_message.Message):
    __slots__ = ("epoch_index", "participant", "reason")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    reason: str
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ModelCoverage(_message.Message):
    __slots__ = ("model_id", "weight", "covered")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    COVERED_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    weight: int
    covered: bool
    def __init__(self, model_id: _Optional[str] = ..., weight: _Optional[int] = ..., covered: bool = ...) -> None: ...
