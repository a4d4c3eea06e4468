from gogoproto import gogo_pb2 as _gogo_pb2
from ninefold_proto.validators.v1 import validators_pb2 as _validators_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GenesisState(_message.Message):
    __slots__ = ("validators", "consensus_addresses", "period_jails", "period")
    VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    PERIOD_JAILS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    validators: _containers.RepeatedCompositeFieldContainer[_validators_pb2.Validator]
    consensus_addresses: _containers.RepeatedCompositeFieldContainer[_validators_pb2.ConsensusAddress]
    period_jails: _containers.RepeatedCompositeFieldContainer[_validators_pb2.PeriodJail]
    period: _validators_pb2.Period
    def __init__(self, validators: _Optional[_Iterable[_Union[_validators_pb2.Validator, _Mapping]]] = ..., consensus_addresses: _Optional[_Iterable[_Union[_validators_pb2.ConsensusAddress, _Mapping]]] = ..., period_jails: _Optional[_Iterable[_Union[_validators_pb2.PeriodJail, _Mapping]]] = ..., period: _Optional[_Union[_validators_pb2.Period, _Mapping]] = ...) -> None: ...
