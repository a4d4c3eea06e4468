"""The round's counters on disk, so that a restart of the service does not forget them."""

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from mlnode.poc.rounds import Round


@dataclass(slots=True, kw_only=True)
class Counters:
    """What was done in a round.

    Attributes:
        generated: valid nonces handed to a stream.
        acknowledged: valid nonces that the broker said are stored.
        walked: nonces computed, valid or not.
        verified: nonces of others recomputed, by account address in hex.
        acknowledged_lane_next: next step of each lane after the last acknowledged one.
    """

    generated: int = 0
    acknowledged: int = 0
    walked: int = 0
    verified: dict[str, int] = field(default_factory=dict[str, int])
    acknowledged_lane_next: tuple[int, ...] = ()


class Journal:
    """One small file, replaced whole; of use for one round only."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._path = state_dir / "round.json"

    def load(self, round_: Round) -> Counters:
        """The counters of this round; fresh ones when the file is of another or damaged."""
        try:
            raw = cast(dict[str, Any], json.loads(self._path.read_text()))
            if raw["round"] != _name(round_):
                return Counters()
            return Counters(
                generated=int(raw["acknowledged"]),
                acknowledged=int(raw["acknowledged"]),
                walked=int(raw["walked"]),
                verified={str(k): int(v) for k, v in raw["verified"].items()},
                acknowledged_lane_next=tuple(int(k) for k in raw["lane_next"]),
            )
        except (OSError, ValueError, KeyError, AttributeError):
            return Counters()

    def save(self, round_: Round, counters: Counters) -> None:
        """Write the counters, whole or not at all.

        They only report; the broker's store decides. A disk that is full must
        therefore not end the round, and losing the last write is harmless.
        """
        line = json.dumps(
            {
                "round": _name(round_),
                "acknowledged": counters.acknowledged,
                "walked": counters.walked,
                "verified": counters.verified,
                "lane_next": counters.acknowledged_lane_next,
            }
        )
        try:
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".round.")
            with os.fdopen(handle, "w") as file:
                file.write(line)
            os.replace(name, self._path)
        except OSError:
            return


def _name(round_: Round) -> str:
    return f"{round_.block_hash}/{round_.public_key.hex()}/{round_.node_index}/{round_.node_count}"
