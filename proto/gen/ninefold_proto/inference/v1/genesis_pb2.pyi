from cosmos_proto import cosmos_pb2 as _cosmos_pb2
from gogoproto import gogo_pb2 as _gogo_pb2
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

class GenesisNode(_message.Message):
    __slots__ = ("node", "weight")
    NODE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    node: _participant_pb2.HardwareNode
    weight: int
    def __init__(self, node: _Optional[_Union[_participant_pb2.HardwareNode, _Mapping]] = ..., weight: _Optional[int] = ...) -> None: ...

class GenesisHost(_message.Message):
    __slots__ = ("participant", "nodes")
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    participant: _participant_pb2.Participant
    nodes: _containers.RepeatedCompositeFieldContainer[GenesisNode]
    def __init__(self, participant: _Optional[_Union[_participant_pb2.Participant, _Mapping]] = ..., nodes: _Optional[_Iterable[_Union[GenesisNode, _Mapping]]] = ...) -> None: ...

class Quota(_message.Message):
    __slots__ = ("participant", "epoch_index", "stage", "used")
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    participant: str
    epoch_index: int
    stage: _epoch_pb2.Stage
    used: int
    def __init__(self, participant: _Optional[str] = ..., epoch_index: _Optional[int] = ..., stage: _Optional[_Union[_epoch_pb2.Stage, str]] = ..., used: _Optional[int] = ...) -> None: ...

class GenesisState(_message.Message):
    __slots__ = ("params", "models", "hosts", "clock", "participants", "hardware_nodes", "epochs", "rounds", "epoch_models", "epoch_groups", "epoch_members", "epoch_nodes", "poc_batches", "poc_node_claims", "poc_host_claims", "verdicts", "jury_exclusions", "host_outcomes", "node_outcomes", "jury_duties", "forfeits", "treasury", "settlements", "settle_amounts", "formation", "prunes", "quotas", "developers", "unit_prices", "used_receipts", "served_tokens", "fleet_loads")
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANTS_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_NODES_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_MODELS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_GROUPS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_MEMBERS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_NODES_FIELD_NUMBER: _ClassVar[int]
    POC_BATCHES_FIELD_NUMBER: _ClassVar[int]
    POC_NODE_CLAIMS_FIELD_NUMBER: _ClassVar[int]
    POC_HOST_CLAIMS_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    JURY_EXCLUSIONS_FIELD_NUMBER: _ClassVar[int]
    HOST_OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    NODE_OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    JURY_DUTIES_FIELD_NUMBER: _ClassVar[int]
    FORFEITS_FIELD_NUMBER: _ClassVar[int]
    TREASURY_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENTS_FIELD_NUMBER: _ClassVar[int]
    SETTLE_AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    FORMATION_FIELD_NUMBER: _ClassVar[int]
    PRUNES_FIELD_NUMBER: _ClassVar[int]
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    DEVELOPERS_FIELD_NUMBER: _ClassVar[int]
    UNIT_PRICES_FIELD_NUMBER: _ClassVar[int]
    USED_RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    SERVED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    FLEET_LOADS_FIELD_NUMBER: _ClassVar[int]
    params: _params_pb2.Params
    models: _containers.RepeatedCompositeFieldContainer[_model_pb2.Model]
    hosts: _containers.RepeatedCompositeFieldContainer[GenesisHost]
    clock: _epoch_pb2.Clock
    participants: _containers.RepeatedCompositeFieldContainer[_participant_pb2.Participant]
    hardware_nodes: _containers.RepeatedCompositeFieldContainer[_participant_pb2.HardwareNodeRow]
    epochs: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.Epoch]
    rounds: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.Round]
    epoch_models: _containers.RepeatedCompositeFieldContainer[_model_pb2.EpochModel]
    epoch_groups: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.EpochGroup]
    epoch_members: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.EpochMember]
    epoch_nodes: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.EpochNode]
    poc_batches: _containers.RepeatedCompositeFieldContainer[_poc_pb2.StoredPocBatch]
    poc_node_claims: _containers.RepeatedCompositeFieldContainer[_poc_pb2.PocNodeClaims]
    poc_host_claims: _containers.RepeatedCompositeFieldContainer[_poc_pb2.PocHostClaims]
    verdicts: _containers.RepeatedCompositeFieldContainer[_poc_pb2.StoredVerdict]
    jury_exclusions: _containers.RepeatedCompositeFieldContainer[JuryExclusion]
    host_outcomes: _containers.RepeatedCompositeFieldContainer[_poc_pb2.HostOutcome]
    node_outcomes: _containers.RepeatedCompositeFieldContainer[_poc_pb2.NodeOutcome]
    jury_duties: _containers.RepeatedCompositeFieldContainer[_poc_pb2.JuryDuty]
    forfeits: _containers.RepeatedCompositeFieldContainer[_reward_pb2.Forfeit]
    treasury: _reward_pb2.Treasury
    settlements: _containers.RepeatedCompositeFieldContainer[_reward_pb2.Settlement]
    settle_amounts: _containers.RepeatedCompositeFieldContainer[_reward_pb2.SettleAmount]
    formation: _epoch_pb2.FormationCursor
    prunes: _containers.RepeatedCompositeFieldContainer[_epoch_pb2.PruneCursor]
    quotas: _containers.RepeatedCompositeFieldContainer[Quota]
    developers: _containers.RepeatedCompositeFieldContainer[_serving_pb2.DeveloperAccount]
    unit_prices: _containers.RepeatedCompositeFieldContainer[_serving_pb2.UnitPrice]
    used_receipts: _containers.RepeatedCompositeFieldContainer[_serving_pb2.UsedReceipt]
    served_tokens: _containers.RepeatedCompositeFieldContainer[_serving_pb2.ServedTokens]
    fleet_loads: _containers.RepeatedCompositeFieldContainer[_participant_pb2.FleetLoad]
    def __init__(self, params: _Optional[_Union[_params_pb2.Params, _Mapping]] = ..., models: _Optional[_Iterable[_Union[_model_pb2.Model, _Mapping]]] = ..., hosts: _Optional[_Iterable[_Union[GenesisHost, _Mapping]]] = ..., clock: _Optional[_Union[_epoch_pb2.Clock, _Mapping]] = ..., participants: _Optional[_Iterable[_Union[_participant_pb2.Participant, _Mapping]]] = ..., hardware_nodes: _Optional[_Iterable[_Union[_participant_pb2.HardwareNodeRow, _Mapping]]] = ..., epochs: _Optional[_Iterable[_Union[_epoch_pb2.Epoch, _Mapping]]] = ..., rounds: _Optional[_Iterable[_Union[_epoch_pb2.Round, _Mapping]]] = ..., epoch_models: _Optional[_Iterable[_Union[_model_pb2.EpochModel, _Mapping]]] = ..., epoch_groups: _Optional[_Iterable[_Union[_epoch_pb2.EpochGroup, _Mapping]]] = ..., epoch_members: _Optional[_Iterable[_Union[_epoch_pb2.EpochMember, _Mapping]]] = ..., epoch_nodes: _Optional[_Iterable[_Union[_epoch_pb2.EpochNode, _Mapping]]] = ..., poc_batches: _Optional[_Iterable[_Union[_poc_pb2.StoredPocBatch, _Mapping]]] = ..., poc_node_claims: _Optional[_Iterable[_Union[_poc_pb2.PocNodeClaims, _Mapping]]] = ..., poc_host_claims: _Optional[_Iterable[_Union[_poc_pb2.PocHostClaims, _Mapping]]] = ..., verdicts: _Optional[_Iterable[_Union[_poc_pb2.StoredVerdict, _Mapping]]] = ..., jury_exclusions: _Optional[_Iterable[_Union[JuryExclusion, _Mapping]]] = ..., host_outcomes: _Optional[_Iterable[_Union[_poc_pb2.HostOutcome, _Mapping]]] = ..., node_outcomes: _Optional[_Iterable[_Union[_poc_pb2.NodeOutcome, _Mapping]]] = ..., jury_duties: _Optional[_Iterable[_Union[_poc_pb2.JuryDuty, _Mapping]]] = ..., forfeits: _Optional[_Iterable[_Union[_reward_pb2.Forfeit, _Mapping]]] = ..., treasury: _Optional[_Union[_reward_pb2.Treasury, _Mapping]] = ..., settlements: _Optional[_Iterable[_Union[_reward_pb2.Settlement, _Mapping]]] = ..., settle_amounts: _Optional[_Iterable[_Union[_reward_pb2.SettleAmount, _Mapping]]] = ..., formation: _Optional[_Union[_epoch_pb2.FormationCursor, _Mapping]] = ..., prunes: _Optional[_Iterable[_Union[_epoch_pb2.PruneCursor, _Mapping]]] = ..., quotas: _Optional[_Iterable[_Union[Quota, _Mapping]]] = ..., developers: _Optional[_Iterable[_Union[_serving_pb2.DeveloperAccount, _Mapping]]] = ..., unit_prices: _Optional[_Iterable[_Union[_serving_pb2.UnitPrice, _Mapping]]] = ..., used_receipts: _Optional[_Iterable[_Union[_serving_pb2.UsedReceipt, _Mapping]]] = ..., served_tokens: _Optional[_Iterable[_Union[_serving_pb2.ServedTokens, _Mapping]]] = ..., fleet_loads: _Optional[_Iterable[_Union[_participant_pb2.FleetLoad, _Mapping]]] = ...) -> None: ...

class JuryExclusion(_message.Message):
    __slots__ = ("epoch_index", "participant")
    EPOCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    epoch_index: int
    participant: str
    def __init__(self, epoch_index: _Optional[int] = ..., participant: _Optional[str] = ...) -> None: ...
