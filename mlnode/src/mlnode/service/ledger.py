"""The open round and what was done in it."""

from mlnode.poc.rounds import Round
from mlnode.service.errors import NoRoundError
from mlnode.service.journal import Counters, Journal
from mlnode.service.rate import Rate


class Ledger:
    """Counts for the open round only: what comes late, of a round that is over, changes nothing."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.round: Round | None = None
        self.counters = Counters()
        self.rate = Rate()

    def open(self, round_: Round) -> None:
        """Open a round, with the counters it had before a restart."""
        self.round, self.counters = round_, self._journal.load(round_)

    def close(self) -> None:
        """End the round; its counters stay to be seen."""
        self.round = None

    def standing(self) -> Round:
        """The open round.

        Raises:
            NoRoundError: there is none.
        """
        if self.round is None:
            raise NoRoundError("no round is open; call StartRound first")
        return self.round

    def walked(self, computed: int, valid: int) -> None:
        """Note a batch of the walk."""
        self.counters.walked += computed
        self.counters.valid += valid

    def given_out(self, round_: Round, valid: int) -> None:
        """Note that a batch went to a stream."""
        if round_ is self.round:
            self.counters.generated += valid

    def stored(self, round_: Round, valid: int, lane_next: tuple[int, ...]) -> None:
        """Note that the broker has a batch on its disk."""
        if round_ is self.round:
            self.counters.acknowledged += valid
            self.counters.acknowledged_lane_next = lane_next
            self._journal.save(round_, self.counters)

    def verified(self, round_: Round, public_key: bytes, count: int) -> None:
        """Note that nonces of a host were recomputed."""
        if round_ is self.round:
            name, verified = public_key.hex(), self.counters.verified
            verified[name] = verified.get(name, 0) + count
            self._journal.save(round_, self.counters)
