from amino import amino_pb2 as _amino_pb2
from cosmos.base.v1beta1 import coin_pb2 as _coin_pb2
from cosmos.msg.v1 import msg_pb2 as _msg_pb2
from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from gogoproto import gogo_pb2 as _gogo_pb2
from ninefold_proto.inference.v1 import model_pb2 as _model_pb2
from ninefold_proto.inference.v1 import params_pb2 as _params_pb2
from ninefold_proto.inference.v1 import participant_pb2 as _participant_pb2
from ninefold_proto.inference.v1 import poc_pb2 as _poc_pb2
from ninefold_proto.inference.v1 import serving_pb2 as _serving_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgUpdateParams(_message.Message):
    __slots__ = ("authority", "params")
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    authority: str
    params: _params_pb2.Params
    def __init__(self, authority: _Optional[str] = ..., params: _Optional[_Union[_params_pb2.Params, _Mapping]] = ...) -> None: ...

class MsgUpdateParamsResponse(_message.Message):
    __slots__ = ("acts_from_epoch",)
    ACTS_FROM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    acts_from_epoch: int
    def __init__(self, acts_from_epoch: _Optional[int] = ...) -> None: ...

class MsgRegisterModel(_message.Message):
    __slots__ = ("authority", "model")
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    authority: str
    model: _model_pb2.Model
    def __init__(self, authority: _Optional[str] = ..., model: _Optional[_Union[_model_pb2.Model, _Mapping]] = ...) -> None: ...

class MsgRegisterModelResponse(_message.Message):
    __slots__ = ("created",)
    CREATED_FIELD_NUMBER: _ClassVar[int]
    created: bool
    def __init__(self, created: bool = ...) -> None: ...

class MsgRemoveModel(_message.Message):
    __slots__ = ("authority", "model_id")
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    authority: str
    model_id: str
    def __init__(self, authority: _Optional[str] = ..., model_id: _Optional[str] = ...) -> None: ...

class MsgRemoveModelResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgRegisterParticipant(_message.Message):
    __slots__ = ("creator", "url", "metadata", "consensus_key", "consensus_key_proof")
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_KEY_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_KEY_PROOF_FIELD_NUMBER: _ClassVar[int]
    creator: str
    url: str
    metadata: str
    consensus_key: bytes
    consensus_key_proof: bytes
    def __init__(self, creator: _Optional[str] = ..., url: _Optional[str] = ..., metadata: _Optional[str] = ..., consensus_key: _Optional[bytes] = ..., consensus_key_proof: _Optional[bytes] = ...) -> None: ...

class MsgRegisterParticipantResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgUpdateParticipant(_message.Message):
    __slots__ = ("creator", "url", "metadata", "consensus_key", "consensus_key_proof")
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_KEY_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_KEY_PROOF_FIELD_NUMBER: _ClassVar[int]
    creator: str
    url: str
    metadata: str
    consensus_key: bytes
    consensus_key_proof: bytes
    def __init__(self, creator: _Optional[str] = ..., url: _Optional[str] = ..., metadata: _Optional[str] = ..., consensus_key: _Optional[bytes] = ..., consensus_key_proof: _Optional[bytes] = ...) -> None: ...

class MsgUpdateParticipantResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgSubmitHardwareDiff(_message.Message):
    __slots__ = ("creator", "add", "modify", "remove")
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    ADD_FIELD_NUMBER: _ClassVar[int]
    MODIFY_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    creator: str
    add: _containers.RepeatedCompositeFieldContainer[_participant_pb2.HardwareNode]
    modify: _containers.RepeatedCompositeFieldContainer[_participant_pb2.HardwareNode]
    remove: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, creator: _Optional[str] = ..., add: _Optional[_Iterable[_Union[_participant_pb2.HardwareNode, _Mapping]]] = ..., modify: _Optional[_Iterable[_Union[_participant_pb2.HardwareNode, _Mapping]]] = ..., remove: _Optional[_Iterable[str]] = ...) -> None: ...

class MsgSubmitHardwareDiffResponse(_message.Message):
    __slots__ = ("acts_from_epoch",)
    ACTS_FROM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    acts_from_epoch: int
    def __init__(self, acts_from_epoch: _Optional[int] = ...) -> None: ...

class MsgSubmitPocBatch(_message.Message):
    __slots__ = ("creator", "epoch_index", "batches")
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    creator: str
    epoch_index: int
    batches: _containers.RepeatedCompositeFieldContainer[_poc_pb2.PocBatch]
    def __init__(self, creator: _Optional[str] = ..., epoch_index: _Optional[int] = ..., batches: _Optional[_Iterable[_Union[_poc_pb2.PocBatch, _Mapping]]] = ...) -> None: ...

class MsgSubmitPocBatchResponse(_message.Message):
    __slots__ = ("accepted", "duplicates")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    accepted: int
    duplicates: int
    def __init__(self, accepted: _Optional[int] = ..., duplicates: _Optional[int] = ...) -> None: ...

class MsgSubmitPocValidation(_message.Message):
    __slots__ = ("creator", "epoch_index", "verdicts")
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    creator: str
    epoch_index: int
    verdicts: _containers.RepeatedCompositeFieldContainer[_poc_pb2.Verdict]
    def __init__(self, creator: _Optional[str] = ..., epoch_index: _Optional[int] = ..., verdicts: _Optional[_Iterable[_Union[_poc_pb2.Verdict, _Mapping]]] = ...) -> None: ...

class MsgSubmitPocValidationResponse(_message.Message):
    __slots__ = ("accepted", "duplicates")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    accepted: int
    duplicates: int
    def __init__(self, accepted: _Optional[int] = ..., duplicates: _Optional[int] = ...) -> None: ...

class MsgClaimReward(_message.Message):
    __slots__ = ("creator",)
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    creator: str
    def __init__(self, creator: _Optional[str] = ...) -> None: ...

class MsgClaimRewardResponse(_message.Message):
    __slots__ = ("amount", "epochs")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    amount: _coin_pb2.Coin
    epochs: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, amount: _Optional[_Union[_coin_pb2.Coin, _Mapping]] = ..., epochs: _Optional[_Iterable[int]] = ...) -> None: ...

class MsgDeposit(_message.Message):
    __slots__ = ("creator", "amount")
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    creator: str
    amount: _coin_pb2.Coin
    def __init__(self, creator: _Optional[str] = ..., amount: _Optional[_Union[_coin_pb2.Coin, _Mapping]] = ...) -> None: ...

class MsgDepositResponse(_message.Message):
    __slots__ = ("balance",)
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    balance: str
    def __init__(self, balance: _Optional[str] = ...) -> None: ...

class MsgWithdraw(_message.Message):
    __slots__ = ("creator", "amount")
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    creator: str
    amount: _coin_pb2.Coin
    def __init__(self, creator: _Optional[str] = ..., amount: _Optional[_Union[_coin_pb2.Coin, _Mapping]] = ...) -> None: ...

class MsgWithdrawResponse(_message.Message):
    __slots__ = ("balance",)
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    balance: str
    def __init__(self, balance: _Optional[str] = ...) -> None: ...

class MsgSettleUsage(_message.Message):
    __slots__ = ("creator", "epoch_index", "model_id", "receipts")
    CREATOR_FIELD_NUMBER: _ClassVar[int]
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    creator: str
    epoch_index: int
    model_id: str
    receipts: _containers.RepeatedCompositeFieldContainer[_serving_pb2.Receipt]
    def __init__(self, creator: _Optional[str] = ..., epoch_index: _Optional[int] = ..., model_id: _Optional[str] = ..., receipts: _Optional[_Iterable[_Union[_serving_pb2.Receipt, _Mapping]]] = ...) -> None: ...

class MsgSettleUsageResponse(_message.Message):
    __slots__ = ("settled", "duplicates", "charged")
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    CHARGED_FIELD_NUMBER: _ClassVar[int]
    settled: int
    duplicates: int
    charged: str
    def __init__(self, settled: _Optional[int] = ..., duplicates: _Optional[int] = ..., charged: _Optional[str] = ...) -> None: ...
