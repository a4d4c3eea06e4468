"""Accounts of a host: the cold key that owns it, the warm key its broker signs with."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cosmpy.aerial.wallet import LocalWallet
from cosmpy.mnemonic import generate_mnemonic

from testnet.errors import HomeError
from testnet.layout import write_atomically

PREFIX = "nine"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKeys:
    """Mnemonics of a host's two accounts."""

    cold_mnemonic: str
    warm_mnemonic: str

    @property
    def cold(self) -> LocalWallet:
        """The account that owns the host, votes and is paid."""
        return LocalWallet.from_mnemonic(self.cold_mnemonic, PREFIX)

    @property
    def warm(self) -> LocalWallet:
        """The account the broker signs with, through grants of the cold one."""
        return LocalWallet.from_mnemonic(self.warm_mnemonic, PREFIX)


def new_keys() -> HostKeys:
    """Fresh accounts."""
    return HostKeys(cold_mnemonic=_mnemonic(), warm_mnemonic=_mnemonic())


def save_keys(path: Path, keys: HostKeys) -> None:
    """Write the mnemonics, readable by the owner only."""
    text = json.dumps({"cold": keys.cold_mnemonic, "warm": keys.warm_mnemonic}, indent=2)
    write_atomically(path, text + "\n", mode=0o600)


def load_keys(path: Path) -> HostKeys:
    """Read the mnemonics.

    Raises:
        HomeError: when the file is missing.
    """
    try:
        raw = cast(dict[str, Any], json.loads(path.read_text()))
    except FileNotFoundError:
        raise HomeError(f"{path} is missing; the network's accounts cannot be used") from None
    return HostKeys(cold_mnemonic=str(raw["cold"]), warm_mnemonic=str(raw["warm"]))


def save_secret(path: Path, text: str) -> None:
    """Write a token or a raw key, readable by the owner only."""
    write_atomically(path, text + "\n", mode=0o600)


def random_token() -> str:
    """A bearer token of 256 bits."""
    return os.urandom(32).hex()


def _mnemonic() -> str:
    return str(generate_mnemonic())
