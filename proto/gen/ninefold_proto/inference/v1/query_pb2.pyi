from amino import amino_pb2 as _amino_pb2
from cosmos.base.query.v1beta1 import pagination_pb2 as _pagination_pb2
from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from gogoproto import gogo_pb2 as _gogo_pb2
from google.api import annotations_pb2 as _annotations_pb2
from ninefold_proto.inference.v1 import epoch_pb2 as _epoch_pb2
from ninefold_proto.inference.v1 import model_pb2 as _model_pb2
from ninefold_proto.inference.v1 import params_pb2 as _params_pb2
from ninefold_proto.inference.v1 import participant_pb2 as _participant_pb2
from ninefold_proto.inference.v1 import poc_pb2 as _poc_pb2
from ninefold_proto.inference.v1 import reward_pb2 as _reward_pb2
from ninefold_proto.inference.v1 import serving_pb2 as _serving_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryParamsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryParamsResponse(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _params_pb2.Params
    def __init__(self, params: _Optional[_Union[_params_pb2.Params, _Mapping]] = ...) -> None: ...

class QueryCurrentStageRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryCurrentStageResponse(_message.Message):
    __slots__ = ("height", "stage", "blocks_left", "opened", "effective", "heights", "opened_status")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_LEFT_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FIELD_NUMBER: _ClassVar[int]
    HEIGHTS_FIELD_NUMBER: _ClassVar[int]
    OPENED_STATUS_FIELD_NUMBER: _ClassVar[int]
    height: int
    stage: _epoch_pb2.Stage
    blocks_left: int
    opened: int
    effective: int
    heights: _epoch_pb2.EpochHeights
    opened_status: _epoch_pb2.EpochStatus
    def __init__(self, height: _Optional[int] = ..., stage: _Optional[_Union[_epoch_pb2.Stage, str]] = ..., blocks_left: _Optional[int] = ..., opened: _Optional[int] = ..., effective: _Optional[int] = ..., heights: _Optional[_Union[_epoch_pb2.EpochHeights, _Mapping]] = ..., opened_status: _Optional[_Union[_epoch_pb2.EpochStatus, str]] = ...) -> None: ...

class QueryEpochRequest(_message.Message):
    __slots__ = ("epoch_index",)
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    def __init__(self, epoch_index: _Optional[int] = ...) -> None: ...

class QueryEpochResponse(_message.Message):
    __slots__ = ("epoch",)
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    epoch: _epoch_pb2.Epoch
    def __init__(self, epoch: _Optional[_Union[_epoch_pb2.Epoch, _Mapping]] = ...) -> None: ...

class QueryEpochsRequest(_message.Message):
    __slots__ = ("pagination",)
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    pagination: _pagination_pb2.PageRequest
    def __init__(self, pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryEpochsResponse(_message.Message):
    __slots__ = ("epochs", "pagination")
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epochs: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.Epoch]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, epochs: _Optional[_Iterable[_Union[_epoch_pb2.Epoch, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryRoundRequest(_message.Message):
    __slots__ = ("epoch_index",)
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    def __init__(self, epoch_index: _Optional[int] = ...) -> None: ...

class QueryRoundResponse(_message.Message):
    __slots__ = ("round",)
    ROUND_FIELD_NUMBER: _ClassVar[int]
    round: _epoch_pb2.Round
    def __init__(self, round: _Optional[_Union[_epoch_pb2.Round, _Mapping]] = ...) -> None: ...

class QueryGovernanceModelRequest(_message.Message):
    __slots__ = ("model_id",)
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    def __init__(self, model_id: _Optional[str] = ...) -> None: ...

class QueryGovernanceModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _model_pb2.Model
    def __init__(self, model: _Optional[_Union[_model_pb2.Model, _Mapping]] = ...) -> None: ...

class QueryGovernanceModelsRequest(_message.Message):
    __slots__ = ("pagination",)
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    pagination: _pagination_pb2.PageRequest
    def __init__(self, pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryGovernanceModelsResponse(_message.Message):
    __slots__ = ("models", "pagination")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_model_pb2.Model]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, models: _Optional[_Iterable[_Union[_model_pb2.Model, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryEpochModelRequest(_message.Message):
    __slots__ = ("epoch_index", "model_id")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    model_id: str
    def __init__(self, epoch_index: _Optional[int] = ..., model_id: _Optional[str] = ...) -> None: ...

class QueryEpochModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _model_pb2.Model
    def __init__(self, model: _Optional[_Union[_model_pb2.Model, _Mapping]] = ...) -> None: ...

class QueryEpochModelsRequest(_message.Message):
    __slots__ = ("epoch_index", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryEpochModelsResponse(_message.Message):
    __slots__ = ("models", "pagination")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_model_pb2.Model]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, models: _Optional[_Iterable[_Union[_model_pb2.Model, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryParticipantRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class QueryParticipantResponse(_message.Message):
    __slots__ = ("participant",)
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    participant: _participant_pb2.Participant
    def __init__(self, participant: _Optional[_Union[_participant_pb2.Participant, _Mapping]] = ...) -> None: ...

class QueryParticipantsRequest(_message.Message):
    __slots__ = ("pagination",)
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    pagination: _pagination_pb2.PageRequest
    def __init__(self, pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryParticipantsResponse(_message.Message):
    __slots__ = ("participants", "pagination")
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    participants: _containers.RepeatedCompositeFieldContainer[_participant_pb2.Participant]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, participants: _Optional[_Iterable[_Union[_participant_pb2.Participant, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryHardwareNodesRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class QueryHardwareNodesResponse(_message.Message):
    __slots__ = ("nodes",)
    NODES_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[_participant_pb2.HardwareNodeRow]
    def __init__(self, nodes: _Optional[_Iterable[_Union[_participant_pb2.HardwareNodeRow, _Mapping]]] = ...) -> None: ...

class QueryFleetRequest(_message.Message):
    __slots__ = ("epoch_index", "address")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    address: str
    def __init__(self, epoch_index: _Optional[int] = ..., address: _Optional[str] = ...) -> None: ...

class QueryFleetResponse(_message.Message):
    __slots__ = ("nodes", "serving")
    NODES_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[_participant_pb2.HardwareNode]
    serving: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, nodes: _Optional[_Iterable[_Union[_participant_pb2.HardwareNode, _Mapping]]] = ..., serving: _Optional[_Iterable[bool]] = ...) -> None: ...

class QueryCurrentEpochGroupDataRequest(_message.Message):
    __slots__ = ("pagination",)
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    pagination: _pagination_pb2.PageRequest
    def __init__(self, pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryCurrentEpochGroupDataResponse(_message.Message):
    __slots__ = ("root", "sub_groups", "members", "pagination")
    ROOT_FIELD_NUMBER: _ClassVar[int]
    SUB_GROUPS_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    root: _epoch_pb2.EpochGroup
    sub_groups: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.EpochGroup]
    members: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.EpochMember]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, root: _Optional[_Union[_epoch_pb2.EpochGroup, _Mapping]] = ..., sub_groups: _Optional[_Iterable[_Union[_epoch_pb2.EpochGroup, _Mapping]]] = ..., members: _Optional[_Iterable[_Union[_epoch_pb2.EpochMember, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryEpochGroupRequest(_message.Message):
    __slots__ = ("epoch_index", "model_id")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    model_id: str
    def __init__(self, epoch_index: _Optional[int] = ..., model_id: _Optional[str] = ...) -> None: ...

class QueryEpochGroupResponse(_message.Message):
    __slots__ = ("group",)
    GROUP_FIELD_NUMBER: _ClassVar[int]
    group: _epoch_pb2.EpochGroup
    def __init__(self, group: _Optional[_Union[_epoch_pb2.EpochGroup, _Mapping]] = ...) -> None: ...

class QueryEpochMembersRequest(_message.Message):
    __slots__ = ("epoch_index", "model_id", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    model_id: str
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., model_id: _Optional[str] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryEpochMembersResponse(_message.Message):
    __slots__ = ("members", "pagination")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.EpochMember]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, members: _Optional[_Iterable[_Union[_epoch_pb2.EpochMember, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryEpochNodesRequest(_message.Message):
    __slots__ = ("epoch_index", "model_id", "address", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    model_id: str
    address: str
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., model_id: _Optional[str] = ..., address: _Optional[str] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryEpochNodesResponse(_message.Message):
    __slots__ = ("nodes", "pagination")
    NODES_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.EpochNode]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, nodes: _Optional[_Iterable[_Union[_epoch_pb2.EpochNode, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryActiveParticipantsRequest(_message.Message):
    __slots__ = ("pagination",)
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    pagination: _pagination_pb2.PageRequest
    def __init__(self, pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryActiveParticipantsResponse(_message.Message):
    __slots__ = ("epoch_index", "participants", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participants: _containers.RepeatedCompositeFieldContainer[ActiveParticipant]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, epoch_index: _Optional[int] = ..., participants: _Optional[_Iterable[_Union[ActiveParticipant, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryPocBatchesRequest(_message.Message):
    __slots__ = ("epoch_index", "address", "node_id", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    address: str
    node_id: str
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., address: _Optional[str] = ..., node_id: _Optional[str] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryPocBatchesResponse(_message.Message):
    __slots__ = ("batches", "pagination")
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    batches: _containers.RepeatedCompositeFieldContainer[_poc_pb2.StoredPocBatch]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, batches: _Optional[_Iterable[_Union[_poc_pb2.StoredPocBatch, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryPocNodeClaimsRequest(_message.Message):
    __slots__ = ("epoch_index", "address")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    address: str
    def __init__(self, epoch_index: _Optional[int] = ..., address: _Optional[str] = ...) -> None: ...

class QueryPocNodeClaimsResponse(_message.Message):
    __slots__ = ("claims",)
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    claims: _containers.RepeatedCompositeFieldContainer[_poc_pb2.PocNodeClaims]
    def __init__(self, claims: _Optional[_Iterable[_Union[_poc_pb2.PocNodeClaims, _Mapping]]] = ...) -> None: ...

class QueryPocHostClaimsRequest(_message.Message):
    __slots__ = ("epoch_index", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryPocHostClaimsResponse(_message.Message):
    __slots__ = ("claims", "pagination")
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    claims: _containers.RepeatedCompositeFieldContainer[_poc_pb2.PocHostClaims]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, claims: _Optional[_Iterable[_Union[_poc_pb2.PocHostClaims, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryJuryRequest(_message.Message):
    __slots__ = ("epoch_index", "address")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    address: str
    def __init__(self, epoch_index: _Optional[int] = ..., address: _Optional[str] = ...) -> None: ...

class QueryJuryResponse(_message.Message):
    __slots__ = ("seats", "drawn")
    SEATS_FIELD_NUMBER: _ClassVar[int]
    DRAWN_FIELD_NUMBER: _ClassVar[int]
    seats: _containers.RepeatedCompositeFieldContainer[_poc_pb2.Seat]
    drawn: int
    def __init__(self, seats: _Optional[_Iterable[_Union[_poc_pb2.Seat, _Mapping]]] = ..., drawn: _Optional[int] = ...) -> None: ...

class QuerySampleRequest(_message.Message):
    __slots__ = ("epoch_index", "address", "holder")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    address: str
    holder: str
    def __init__(self, epoch_index: _Optional[int] = ..., address: _Optional[str] = ..., holder: _Optional[str] = ...) -> None: ...

class QuerySampleResponse(_message.Message):
    __slots__ = ("refs", "seats")
    REFS_FIELD_NUMBER: _ClassVar[int]
    SEATS_FIELD_NUMBER: _ClassVar[int]
    refs: _containers.RepeatedCompositeFieldContainer[_poc_pb2.SampleRef]
    seats: int
    def __init__(self, refs: _Optional[_Iterable[_Union[_poc_pb2.SampleRef, _Mapping]]] = ..., seats: _Optional[int] = ...) -> None: ...

class QueryHolderSeatsRequest(_message.Message):
    __slots__ = ("epoch_index", "holder", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    holder: str
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., holder: _Optional[str] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryHolderSeatsResponse(_message.Message):
    __slots__ = ("seats", "pagination")
    SEATS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    seats: _containers.RepeatedCompositeFieldContainer[HolderSeat]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, seats: _Optional[_Iterable[_Union[HolderSeat, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryVerdictsRequest(_message.Message):
    __slots__ = ("epoch_index", "address")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    address: str
    def __init__(self, epoch_index: _Optional[int] = ..., address: _Optional[str] = ...) -> None: ...

class QueryVerdictsResponse(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedCompositeFieldContainer[_poc_pb2.StoredVerdict]
    def __init__(self, verdicts: _Optional[_Iterable[_Union[_poc_pb2.StoredVerdict, _Mapping]]] = ...) -> None: ...

class QueryWeightRequest(_message.Message):
    __slots__ = ("epoch_index", "address")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    address: str
    def __init__(self, epoch_index: _Optional[int] = ..., address: _Optional[str] = ...) -> None: ...

class QueryWeightResponse(_message.Message):
    __slots__ = ("host", "nodes", "explanation")
    HOST_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    host: _poc_pb2.HostOutcome
    nodes: _containers.RepeatedCompositeFieldContainer[_poc_pb2.NodeOutcome]
    explanation: str
    def __init__(self, host: _Optional[_Union[_poc_pb2.HostOutcome, _Mapping]] = ..., nodes: _Optional[_Iterable[_Union[_poc_pb2.NodeOutcome, _Mapping]]] = ..., explanation: _Optional[str] = ...) -> None: ...

class QueryWeightsRequest(_message.Message):
    __slots__ = ("epoch_index", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryWeightsResponse(_message.Message):
    __slots__ = ("hosts", "pagination")
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    hosts: _containers.RepeatedCompositeFieldContainer[_poc_pb2.HostOutcome]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, hosts: _Optional[_Iterable[_Union[_poc_pb2.HostOutcome, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryTreasuryRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryTreasuryResponse(_message.Message):
    __slots__ = ("treasury",)
    TREASURY_FIELD_NUMBER: _ClassVar[int]
    treasury: _reward_pb2.Treasury
    def __init__(self, treasury: _Optional[_Union[_reward_pb2.Treasury, _Mapping]] = ...) -> None: ...

class QuerySettlementRequest(_message.Message):
    __slots__ = ("epoch_index",)
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    def __init__(self, epoch_index: _Optional[int] = ...) -> None: ...

class QuerySettlementResponse(_message.Message):
    __slots__ = ("settlement",)
    SETTLEMENT_FIELD_NUMBER: _ClassVar[int]
    settlement: _reward_pb2.Settlement
    def __init__(self, settlement: _Optional[_Union[_reward_pb2.Settlement, _Mapping]] = ...) -> None: ...

class QuerySettleAmountRequest(_message.Message):
    __slots__ = ("epoch_index", "address")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    address: str
    def __init__(self, epoch_index: _Optional[int] = ..., address: _Optional[str] = ...) -> None: ...

class QuerySettleAmountResponse(_message.Message):
    __slots__ = ("amount",)
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    amount: _reward_pb2.SettleAmount
    def __init__(self, amount: _Optional[_Union[_reward_pb2.SettleAmount, _Mapping]] = ...) -> None: ...

class QuerySettleAmountsRequest(_message.Message):
    __slots__ = ("epoch_index", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QuerySettleAmountsResponse(_message.Message):
    __slots__ = ("amounts", "pagination")
    AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    amounts: _containers.RepeatedCompositeFieldContainer[_reward_pb2.SettleAmount]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, amounts: _Optional[_Iterable[_Union[_reward_pb2.SettleAmount, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryClaimableRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class QueryClaimableResponse(_message.Message):
    __slots__ = ("amount", "epochs")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    amount: str
    epochs: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, amount: _Optional[str] = ..., epochs: _Optional[_Iterable[int]] = ...) -> None: ...

class QueryParticipantModelCoverageRequest(_message.Message):
    __slots__ = ("epoch_index", "address")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    address: str
    def __init__(self, epoch_index: _Optional[int] = ..., address: _Optional[str] = ...) -> None: ...

class QueryParticipantModelCoverageResponse(_message.Message):
    __slots__ = ("models", "covers_all")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    COVERS_ALL_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_reward_pb2.ModelCoverage]
    covers_all: bool
    def __init__(self, models: _Optional[_Iterable[_Union[_reward_pb2.ModelCoverage, _Mapping]]] = ..., covers_all: bool = ...) -> None: ...

class QueryJuryDutiesRequest(_message.Message):
    __slots__ = ("epoch_index", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryJuryDutiesResponse(_message.Message):
    __slots__ = ("duties", "pagination")
    DUTIES_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    duties: _containers.RepeatedCompositeFieldContainer[_poc_pb2.JuryDuty]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, duties: _Optional[_Iterable[_Union[_poc_pb2.JuryDuty, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryUnitPriceRequest(_message.Message):
    __slots__ = ("epoch_index",)
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    def __init__(self, epoch_index: _Optional[int] = ...) -> None: ...

class QueryUnitPriceResponse(_message.Message):
    __slots__ = ("price",)
    PRICE_FIELD_NUMBER: _ClassVar[int]
    price: _serving_pb2.UnitPrice
    def __init__(self, price: _Optional[_Union[_serving_pb2.UnitPrice, _Mapping]] = ...) -> None: ...

class QueryQuotaRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class QueryQuotaResponse(_message.Message):
    __slots__ = ("used", "free", "stage")
    USED_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    used: int
    free: int
    stage: _epoch_pb2.Stage
    def __init__(self, used: _Optional[int] = ..., free: _Optional[int] = ..., stage: _Optional[_Union[_epoch_pb2.Stage, str]] = ...) -> None: ...

class QueryJuryExclusionsRequest(_message.Message):
    __slots__ = ("epoch_index", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryJuryExclusionsResponse(_message.Message):
    __slots__ = ("participants", "pagination")
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    participants: _containers.RepeatedScalarFieldContainer[str]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, participants: _Optional[_Iterable[str]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryForfeitsRequest(_message.Message):
    __slots__ = ("epoch_index", "pagination")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    pagination: _pagination_pb2.PageRequest
    def __init__(self, epoch_index: _Optional[int] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryForfeitsResponse(_message.Message):
    __slots__ = ("forfeits", "pagination")
    FORFEITS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    forfeits: _containers.RepeatedCompositeFieldContainer[_reward_pb2.Forfeit]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, forfeits: _Optional[_Iterable[_Union[_reward_pb2.Forfeit, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryFleetLoadsRequest(_message.Message):
    __slots__ = ("pagination",)
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    pagination: _pagination_pb2.PageRequest
    def __init__(self, pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryFleetLoadsResponse(_message.Message):
    __slots__ = ("loads", "pagination")
    LOADS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    loads: _containers.RepeatedCompositeFieldContainer[_participant_pb2.FleetLoad]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, loads: _Optional[_Iterable[_Union[_participant_pb2.FleetLoad, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryFormationRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryFormationResponse(_message.Message):
    __slots__ = ("formation",)
    FORMATION_FIELD_NUMBER: _ClassVar[int]
    formation: _epoch_pb2.FormationCursor
    def __init__(self, formation: _Optional[_Union[_epoch_pb2.FormationCursor, _Mapping]] = ...) -> None: ...

class QueryPrunesRequest(_message.Message):
    __slots__ = ("pagination",)
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    pagination: _pagination_pb2.PageRequest
    def __init__(self, pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryPrunesResponse(_message.Message):
    __slots__ = ("prunes", "pagination")
    PRUNES_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    prunes: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.PruneCursor]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, prunes: _Optional[_Iterable[_Union[_epoch_pb2.PruneCursor, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class ActiveParticipant(_message.Message):
    __slots__ = ("address", "url", "weight", "consensus_key")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_KEY_FIELD_NUMBER: _ClassVar[int]
    address: str
    url: str
    weight: int
    consensus_key: bytes
    def __init__(self, address: _Optional[str] = ..., url: _Optional[str] = ..., weight: _Optional[int] = ..., consensus_key: _Optional[bytes] = ...) -> None: ...

class HolderSeat(_message.Message):
    __slots__ = ("participant", "seats", "claimed", "cast")
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    SEATS_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    CAST_FIELD_NUMBER: _ClassVar[int]
    participant: str
    seats: int
    claimed: int
    cast: bool
    def __init__(self, participant: _Optional[str] = ..., seats: _Optional[int] = ..., claimed: _Optional[int] = ..., cast: bool = ...) -> None: ...
