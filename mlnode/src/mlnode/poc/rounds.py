"""What a round is made of, validated where it enters (docs/spec/poc.md, "A round")."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from mlnode.poc.decision import cq_from_r_target, r_target_from_fraction
from mlnode.poc.errors import RoundError, UnknownKindError, UnknownVersionError
from mlnode.poc.params import PocParams

SUPPORTED_VERSIONS = frozenset({1})
PUBLIC_KEY_BYTES = 20
MAX_LANES = 64
ALL_VALID = 2.0
"""At this r_target and above every nonce is valid: two unit vectors are never further apart."""


class PocKind(Enum):
    """Ways of proving; the value is the name on the wire."""

    EXACT8 = "EXACT8"
    SERVED_MODEL = "SERVED_MODEL"


_KINDS = " or ".join(kind.value for kind in PocKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The inputs of a round; every byte of a proof is a function of these alone.

    Build one with ``new_round``, which derives what may be left out.

    Attributes:
        kind: how compute is proven: ``EXACT8``, which the chain accepts, or ``SERVED_MODEL``.
        poc_version: version of the definition; enters every stream.
        block_hash: the challenge, 64 lower-case hexadecimal digits.
        block_height: height of the block with that hash.
        public_key: the host's 20-byte account address.
        node_index: rank of this node in the host's fleet.
        node_count: nodes in the host's fleet.
        lanes: strides into which a node's nonces are dealt.
        params: shape of the proof network; of a served model's round the positions alone count.
        valid_fraction: share of nonces that chance makes valid; for reports.
        r_target: radius of validity; for reports, except that 2 and above accept every nonce.
        cq: ⌊(1 − r_target²/2)·2³²⌋, which decides; 0 where every nonce is valid.
        model_id: the model of a ``SERVED_MODEL`` round; empty otherwise.

    Raises:
        RoundError: names the field and what is legal; UnknownKindError and
            UnknownVersionError where the build cannot prove what is asked, because a network
            that mixes versions must judge nobody a fraud.
    """

    kind: PocKind
    poc_version: int
    block_hash: str
    block_height: int
    public_key: bytes
    node_index: int
    node_count: int
    lanes: int
    params: PocParams
    valid_fraction: float
    r_target: float
    cq: int
    model_id: str = ""

    def __post_init__(self) -> None:
        if self.kind not in tuple(PocKind):
            raise UnknownKindError("kind", self.kind, _KINDS)
        if self.poc_version not in SUPPORTED_VERSIONS:
            legal = " or ".join(map(str, sorted(SUPPORTED_VERSIONS)))
            raise UnknownVersionError("poc_version", self.poc_version, legal)
        if not re.fullmatch("[0-9a-f]{64}", self.block_hash):
            raise RoundError("block_hash", self.block_hash, "64 lower-case hexadecimal digits")
        if self.block_height < 0:
            raise RoundError("block_height", self.block_height, "0 or more")
        check_public_key(self.public_key)
        if self.node_count < 1:
            raise RoundError("node_count", self.node_count, "1 or more")
        if not 0 <= self.node_index < self.node_count:
            raise RoundError("node_index", self.node_index, f"from 0 to {self.node_count - 1}")
        if not 1 <= self.lanes <= MAX_LANES:
            raise RoundError("lanes", self.lanes, f"from 1 to {MAX_LANES}")
        if not 0 < self.valid_fraction <= 1:
            raise RoundError("valid_fraction", self.valid_fraction, "above 0 and at most 1")
        _check_threshold(self.r_target, self.cq)
        self._check_kind()

    def _check_kind(self) -> None:
        if self.kind is PocKind.EXACT8:
            if self.model_id:
                raise RoundError("model_id", self.model_id, "empty in a round of kind EXACT8")
            return
        if not self.model_id:
            raise RoundError("model_id", self.model_id, "given in a round of kind SERVED_MODEL")
        if not self.all_valid:
            # A smooth network can be screened: whoever is paid by a threshold completes the
            # promising nonces only. So every nonce of the walked range counts.
            raise RoundError("r_target", self.r_target, "2 or above in a round of SERVED_MODEL")

    @property
    def challenge(self) -> bytes:
        """The block hash as its 32 bytes."""
        return bytes.fromhex(self.block_hash)

    @property
    def all_valid(self) -> bool:
        """Whether every nonce counts, as benchmarks ask for."""
        return self.r_target >= ALL_VALID


def new_round(
    *,
    block_hash: str,
    public_key: bytes,
    params: PocParams,
    kind: PocKind | str = PocKind.EXACT8,
    poc_version: int = 1,
    block_height: int = 0,
    node_index: int = 0,
    node_count: int = 1,
    lanes: int = 16,
    valid_fraction: float = 0.1,
    r_target: Fraction | Decimal | float | None = None,
    cq: int | None = None,
    model_id: str = "",
) -> Round:
    """Returns a round, with ``r_target`` derived from p and ``cq`` from ``r_target`` if absent.

    Of kind ``SERVED_MODEL`` every nonce counts, so that an absent ``r_target`` is 2.

    ``cq`` is derived from the exact value of what is given: a decimal as the chain writes it
    and the float next to it may differ by one.

    Raises:
        RoundError: as ``Round``.
    """
    kind = _kind(kind)
    if r_target is None and kind is PocKind.SERVED_MODEL:
        r_target = ALL_VALID
    elif r_target is None:
        r_target = r_target_from_fraction(valid_fraction, params.vocab_size)
    radius = float(r_target)
    if cq is None:
        # A radius that is no number is refused below, with the other fields.
        exact = 0 < radius < ALL_VALID
        cq = cq_from_r_target(Fraction(r_target)) if exact else 0
    return Round(
        kind=kind,
        poc_version=poc_version,
        block_hash=block_hash,
        block_height=block_height,
        public_key=public_key,
        node_index=node_index,
        node_count=node_count,
        lanes=lanes,
        params=params,
        valid_fraction=valid_fraction,
        r_target=radius,
        cq=cq,
        model_id=model_id,
    )


def check_public_key(public_key: bytes) -> None:
    """Raises RoundError unless the key is a 20-byte account address."""
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise RoundError("public_key", public_key.hex(), f"{PUBLIC_KEY_BYTES} bytes")


def _kind(name: PocKind | str) -> PocKind:
    try:
        return PocKind(name)
    except ValueError:
        raise UnknownKindError("kind", name, _KINDS) from None


def _check_threshold(r_target: float, cq: int) -> None:
    if not r_target > 0:
        raise RoundError("r_target", r_target, "above 0")
    if r_target >= ALL_VALID:
        return
    derived = cq_from_r_target(Fraction(r_target))
    if derived <= 0:
        raise RoundError("r_target", r_target, "below √2, or 2 and above to accept every nonce")
    # The chain derives cq from a decimal of 18 digits, of which this float is the nearest.
    if cq <= 0 or abs(cq - derived) > 1:
        raise RoundError("cq", cq, f"⌊(1 − r_target²/2)·2³²⌋ = {derived}")
