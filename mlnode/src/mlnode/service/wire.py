"""Between the messages of mlnode.v1 and our own data, checked on the way in."""

from decimal import Decimal, InvalidOperation

import numpy as np
from ninefold_proto.mlnode.v1 import poc_pb2

from mlnode.poc.batch import ProofBatch
from mlnode.poc.errors import PocError
from mlnode.poc.params import LONGEST_DECIMAL, PocParams, is_of_bounded_size
from mlnode.poc.rounds import PUBLIC_KEY_BYTES, PocKind, Round, new_round
from mlnode.service.errors import RequestError
from mlnode.service.group import Group
from mlnode.service.messages import Checked
from mlnode.service.parallel import ParallelController
from mlnode.service.phase import Phase

_KINDS = {
    poc_pb2.POC_KIND_EXACT8: PocKind.EXACT8,
    poc_pb2.POC_KIND_SERVED_MODEL: PocKind.SERVED_MODEL,
}
_KINDS_BACK = {ours: theirs for theirs, ours in _KINDS.items()}
_PHASES = {
    Phase.IDLE: poc_pb2.POC_PHASE_IDLE,
    Phase.LOADING: poc_pb2.POC_PHASE_LOADING,
    Phase.GENERATE: poc_pb2.POC_PHASE_GENERATE,
    Phase.VALIDATE: poc_pb2.POC_PHASE_VALIDATE,
    Phase.STOP: poc_pb2.POC_PHASE_STOP,
}


def round_from_wire(message: poc_pb2.Round) -> Round:
    """A checked round.

    Raises:
        RequestError: naming the field and what would be right.
    """
    if message.kind not in _KINDS:
        # Zero is what a field that was left out reads as.
        what = f"{message.kind}, which is no kind" if message.kind else "not set"
        raise RequestError(
            f"round.kind is {what}; it is POC_KIND_EXACT8 (1) or POC_KIND_SERVED_MODEL (2)"
        )
    params = message.params
    try:
        return new_round(
            kind=_KINDS[message.kind],
            poc_version=message.poc_version,
            block_hash=message.block_hash,
            block_height=message.block_height,
            public_key=message.public_key,
            node_index=message.node_index,
            node_count=message.node_count,
            lanes=message.lanes,
            params=PocParams(
                dim=params.dim,
                n_layers=params.n_layers,
                n_heads=params.n_heads,
                n_kv_heads=params.n_kv_heads,
                vocab_size=params.vocab_size,
                ffn_dim_multiplier=_decimal("params.ffn_dim_multiplier", params.ffn_dim_multiplier),
                multiple_of=params.multiple_of,
                seq_len=params.seq_len,
            ),
            valid_fraction=float(_decimal("valid_fraction", message.valid_fraction)),
            r_target=_decimal("r_target", message.r_target),
            cq=message.cq or None,
            model_id=message.model_id,
        )
    except PocError as err:
        raise RequestError(f"round: {err}") from None


def round_to_wire(round_: Round) -> poc_pb2.Round:
    """The round for a status."""
    p = round_.params
    return poc_pb2.Round(
        kind=_KINDS_BACK[round_.kind],
        poc_version=round_.poc_version,
        block_hash=round_.block_hash,
        block_height=round_.block_height,
        public_key=round_.public_key,
        node_index=round_.node_index,
        node_count=round_.node_count,
        lanes=round_.lanes,
        params=poc_pb2.PocParams(
            dim=p.dim,
            n_layers=p.n_layers,
            n_heads=p.n_heads,
            n_kv_heads=p.n_kv_heads,
            vocab_size=p.vocab_size,
            ffn_dim_multiplier=str(p.ffn_dim_multiplier),
            multiple_of=p.multiple_of,
            seq_len=p.seq_len,
        ),
        valid_fraction=repr(round_.valid_fraction),
        r_target=repr(round_.r_target),
        cq=round_.cq,
        model_id=round_.model_id,
    )


def public_key_from_wire(public_key: bytes) -> bytes:
    """A checked account address.

    Raises:
        RequestError: it has another length.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise RequestError(
            f"public_key has {len(public_key)} bytes; an account address has {PUBLIC_KEY_BYTES}"
        )
    return public_key


def status_to_wire(controller: ParallelController) -> poc_pb2.PocServiceGetStatusResponse:
    """The round, its phase and its counters."""
    counters = controller.counters
    return poc_pb2.PocServiceGetStatusResponse(
        phase=_PHASES[controller.phase],
        round=round_to_wire(controller.round) if controller.round is not None else None,
        generated_nonces=counters.generated,
        acknowledged_nonces=counters.acknowledged,
        verified_nonces=sum(counters.verified.values()),
        walked_nonces=counters.walked,
        acknowledged_lane_next=counters.acknowledged_lane_next,
        nonces_per_second=controller.nonces_per_second,
        groups=[_group_to_wire(group) for group in controller.groups],
        last_error=controller.last_error,
        verified_hosts=[
            poc_pb2.VerifiedHost(public_key=bytes.fromhex(name), nonces=count)
            for name, count in sorted(counters.verified.items())
        ],
    )


def _group_to_wire(group: Group) -> poc_pb2.GroupStatus:
    return poc_pb2.GroupStatus(
        group_index=group.index,
        devices=group.handle.setup.devices,
        engine=group.engines[0] if group.engines else "",
        batch_size=group.batch_size,
        worker_pid=group.handle.pid,
        restarts=group.handle.restarts - group.restarts_before,
        error=group.error,
    )


def batch_to_wire(batch: ProofBatch) -> poc_pb2.ProofBatch:
    """A batch of valid nonces for the stream."""
    return poc_pb2.ProofBatch(
        public_key=batch.public_key,
        block_hash=batch.block_hash,
        block_height=batch.block_height,
        node_index=batch.node_index,
        nonces=batch.nonces.tolist(),
        distances=batch.distances.tolist(),
        lane_next=batch.lane_next,
    )


def checked_to_wire(request: poc_pb2.ValidateRequest, checked: Checked) -> poc_pb2.ValidateResponse:
    """The answer to one request."""
    return poc_pb2.ValidateResponse(
        request_id=request.request_id,
        public_key=request.public_key,
        nonces=request.nonces,
        valid=checked.valid.tolist(),
        distances=checked.distances.tolist(),
        digests=[bytes(row) for row in checked.digests],
        valid_count=int(np.count_nonzero(checked.valid)),
    )


def _decimal(field: str, text: str) -> Decimal:
    if len(text) > LONGEST_DECIMAL:
        raise RequestError(
            f"round.{field} has {len(text)} characters; at most {LONGEST_DECIMAL} are possible"
        )
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise RequestError(f'round.{field} is "{text}"; it is a decimal, e.g. 0.1') from None
    if not is_of_bounded_size(value):
        raise RequestError(f'round.{field} is "{text}"; it is a finite decimal, e.g. 0.1')
    return value
