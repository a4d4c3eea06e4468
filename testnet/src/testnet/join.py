"""A further host: its home, its account, its registration, its nodes."""

import base64
import shutil
from dataclasses import replace

from ninefold_proto.inference.v1 import tx_pb2

from testnet.binaries import Binaries
from testnet.commands import chain_ready
from testnet.cosmos import Coin, MsgSend
from testnet.cosmovisor import set_up_like
from testnet.errors import ChainError
from testnet.genesis import (
    broker_url,
    consensus_key,
    create_host,
    run,
    write_host_settings,
)
from testnet.keys import load_keys, new_keys
from testnet.layout import Home, HostRecord, Network
from testnet.ledger import Ledger
from testnet.network import grant_warm_key
from testnet.spec import DENOM, MAX_HOSTS, HostSpec

_FUND_UNINE = 10_000_000_000
_GAS = 300_000


def join(home: Home, network: Network, binaries: Binaries, *, nodes: int, forge: bool) -> Network:
    """Prepare and register a further host; its processes are not started.

    Its nodes are declared by its own broker, once that runs.

    Returns:
        The network with the host, as it is saved.

    Raises:
        ChainError: when the chain refuses, or none of its nodes answers.
    """
    if len(network.hosts) >= MAX_HOSTS:
        raise ChainError(f"a network here has at most {MAX_HOSTS} hosts")
    peer = next((h for h in network.hosts if chain_ready(h)), None)
    if peer is None:
        raise ChainError("no chain node of the network answers")
    spec = HostSpec(name=f"host{len(network.hosts)}", nodes=nodes, forge=forge)
    keys = new_keys()
    host = create_host(home, spec, keys, binaries, others=network.hosts)
    shutil.copyfile(
        home.chain_home(peer.name) / "config" / "genesis.json",
        home.chain_home(host.name) / "config" / "genesis.json",
    )
    set_up_like(home, peer, host, binaries)
    with Ledger(peer, chain_id=network.chain_id) as ledger:
        _fund(home, ledger, peer, host)
        _register(home, ledger, host, binaries)
    joined = replace(network, hosts=(*network.hosts, host))
    write_host_settings(home, joined, host, binaries)
    grant_warm_key(replace(host, grpc_port=peer.grpc_port), keys, chain_id=network.chain_id)
    home.save(joined)
    return joined


def _fund(home: Home, ledger: Ledger, peer: HostRecord, host: HostRecord) -> None:
    giver = load_keys(home.keys_path(peer.name)).cold
    coins = [Coin(denom=DENOM, amount=str(_FUND_UNINE))]
    ledger.send(
        giver,
        [
            MsgSend(from_address=peer.address, to_address=to, amount=coins)
            for to in (host.address, host.warm_address)
        ],
        gas=_GAS,
    )


def _register(home: Home, ledger: Ledger, host: HostRecord, binaries: Binaries) -> None:
    proof = run(
        [
            str(binaries.inferenced),
            "consensus-proof",
            host.address,
            f"--home={home.chain_home(host.name)}",
        ]
    )
    ledger.send(
        load_keys(home.keys_path(host.name)).cold,
        [
            tx_pb2.MsgRegisterParticipant(
                creator=host.address,
                url=broker_url(host),
                metadata=host.name,
                consensus_key=base64.b64decode(consensus_key(home, host.name)),
                consensus_key_proof=base64.b64decode(proof.strip()),
            )
        ],
        gas=_GAS,
    )
