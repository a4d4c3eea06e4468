"""The round's counters on disk, so that a restart of the service does not forget them."""

import json
import logging
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from mlnode.poc.rounds import Round
from mlnode.service.errors import StateError

_log = logging.getLogger("mlnode.journal")


@dataclass(slots=True, kw_only=True)
class Counters:
    """What was done in a round.

    Attributes:
        generated: valid nonces handed to a stream.
        acknowledged: valid nonces that the broker said are stored.
        walked: nonces computed, valid or not; valid: the valid ones of them.
        verified: nonces of others recomputed, by account address in hex.
        acknowledged_lane_next: next step of each lane after the last acknowledged one.
    """

    generated: int = 0
    acknowledged: int = 0
    walked: int = 0
    valid: int = 0
    verified: dict[str, int] = field(default_factory=dict[str, int])
    acknowledged_lane_next: tuple[int, ...] = ()


class Journal:
    """One small file, replaced whole; of use for one round only."""

    def __init__(self, state_dir: Path) -> None:
        """Make sure that the folder takes files.

        Raises:
            StateError: it does not.
        """
        self._path = state_dir / "round.json"
        self._failing = False
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=state_dir) as file:
                # A full disk takes files, as long as nothing is in them.
                file.write(b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as err:
            raise StateError(f"service.state_dir {state_dir}: {err.strerror}") from None

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
                valid=int(raw["valid"]),
                verified={bytes.fromhex(k).hex(): int(v) for k, v in raw["verified"].items()},
                acknowledged_lane_next=tuple(int(k) for k in raw["lane_next"]),
            )
        except FileNotFoundError:
            return Counters()
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as err:
            _log.warning("%s is damaged, counters start at zero: %r", self._path, err)
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
                "valid": counters.valid,
                "verified": counters.verified,
                "lane_next": counters.acknowledged_lane_next,
            }
        )
        try:
            new = self._path.with_suffix(".new")
            new.write_text(line)
            new.replace(self._path)
            self._failing = False
        except OSError as err:
            if not self._failing:
                _log.warning("%s cannot be written: %s", self._path, err)
            self._failing = True


def _name(round_: Round) -> str:
    return f"{round_.block_hash}/{round_.public_key.hex()}/{round_.node_index}/{round_.node_count}"
