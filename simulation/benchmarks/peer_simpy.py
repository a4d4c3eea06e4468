"""The epoch in SimPy: hosts and the chain are processes, a block is the unit of time."""

import sys
from collections.abc import Generator

import simpy
from rules import Host, Ledger, Rules, main


class Network:
    """What the processes share."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.hosts = rules.hosts()
        self.ledger: Ledger = rules.ledger()
        self.whole = self.silent = self.reward = self.paid = 0
        self.effective = True
        self.ends: list[int] = []
        self.silent_ends: list[int] = []

    def open_juries(self) -> None:
        """POC_VALIDATION_START: the electorate is known."""
        running, self.ends = 0, []
        for host in self.hosts:
            running += host.weight
            self.ends.append(running)
        self.whole = running
        self.silent = sum(h.weight for h in self.hosts if not h.online)
        self.silent_ends = self.rules.silent_ends(self.hosts)


def run_host(
    env: simpy.Environment, network: Network, host: Host, rank: int
) -> Generator[simpy.Event, None, None]:
    """A host: at each stage it does its part, one block after the stage began."""
    rules, blocks = network.rules, network.rules.spec["blocks"]
    while True:
        yield env.timeout(1)
        rules.prove(host)
        yield env.timeout(blocks["poc_exchange"] + 2)
        rules.count_silence(host, network.whole, network.silent)
        yield env.timeout(1)
        if host.silence:
            rules.seat_silence(host, network.hosts, network.silent_ends, rank)
        yield env.timeout(1)
        if host.forged and rules.is_heard(host):
            rules.hear(host, network.hosts, network.ends, rank)
        yield env.timeout(blocks["poc_validation_exchange"] - 2)
        rules.judge(host)
        yield env.timeout(1)
        rules.form(host)
        yield env.timeout(blocks["model_loading"])
        network.paid += rules.settle(host, network.reward, network.whole)
        if network.effective:
            rules.switch(host)
        yield env.timeout(blocks["inference"] + 1)


def run_chain(env: simpy.Environment, network: Network) -> Generator[simpy.Event, None, None]:
    """The chain: it opens and closes the stages around the hosts' parts."""
    rules, blocks, ledger = network.rules, network.rules.spec["blocks"], network.ledger
    while True:
        yield env.timeout(blocks["poc_exchange"] + 2)
        rules.proven()
        network.open_juries()
        yield env.timeout(blocks["poc_validation_exchange"] + blocks["model_loading"] + 1)
        network.paid, network.reward = 0, rules.reward(ledger)
        network.effective = rules.is_kept(network.hosts, network.whole)
        yield env.timeout(2)
        ledger.minted += network.paid
        ledger.paid.append(network.paid)
        rules.serve(ledger, network.hosts)
        rules.allocate(ledger, network.hosts)
        ledger.epoch += 1
        yield env.timeout(blocks["inference"])


def play(rules: Rules, epochs: int) -> list[int]:
    """What each epoch paid."""
    env = simpy.Environment()
    network = Network(rules)
    for rank, host in enumerate(network.hosts):
        env.process(run_host(env, network, host, rank))
    env.process(run_chain(env, network))
    # Five of the nine stages last one block, and are none of the four windows.
    env.run(until=epochs * (sum(rules.spec["blocks"].values()) + 5))
    return network.ledger.paid


if __name__ == "__main__":
    main("simpy", sys.argv[1], play)
