"""The epoch in Mesa: a host is an agent, a stage is a pass over the agent set."""

import sys

from mesa import Agent, DataCollector, Model
from rules import Host, Rules, main


class HostAgent(Agent):
    """One host of the network."""

    def __init__(self, model: "Network", host: Host, rank: int) -> None:
        super().__init__(model)
        self.host = host
        self.rank = rank

    def prove(self) -> None:
        """Stages 1 to 3."""
        self.model.rules.prove(self.host)

    def count_silence(self) -> None:
        """Stage 4."""
        self.model.rules.count_silence(self.host, self.model.whole, self.model.silent)

    def seat_silence(self) -> None:
        """Stage 4, of a host with silent judges."""
        model = self.model
        model.rules.seat_silence(self.host, model.hosts, model.silent_ends, self.rank)

    def hear(self) -> None:
        """Stage 5, of a host that forged."""
        self.model.rules.hear(self.host, self.model.hosts, self.model.ends, self.rank)

    def judge(self) -> None:
        """Stage 6."""
        self.model.rules.judge(self.host)

    def settle(self) -> None:
        """Stage 9, of the epoch that ends."""
        self.model.paid += self.model.rules.settle(self.host, self.model.reward, self.model.whole)

    def form(self) -> None:
        """Stage 7."""
        self.model.rules.form(self.host)

    def switch(self) -> None:
        """Stage 8."""
        self.model.rules.switch(self.host)


class Network(Model):
    """The chain."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(seed=rules.spec["seed"])
        self.rules = rules
        self.hosts = rules.hosts()
        self.ledger = rules.ledger()
        self.whole = self.silent = self.reward = self.paid = 0
        self.ends: list[int] = []
        self.silent_ends: list[int] = []
        for rank, host in enumerate(self.hosts):
            HostAgent(self, host, rank)
        self.datacollector = DataCollector(model_reporters={"paid": "paid"})

    def step(self) -> None:
        """One epoch."""
        rules, agents = self.rules, self.agents
        agents.do("prove")
        rules.proven()
        self._open_juries()
        agents.do("count_silence")
        if self.silent:
            agents.select(lambda a: a.host.silence).do("seat_silence")
        agents.select(lambda a: a.host.forged and rules.is_heard(a.host)).do("hear")
        agents.do("judge")
        self.paid, self.reward = 0, rules.reward(self.ledger)
        agents.do("settle")
        self.ledger.minted += self.paid
        agents.do("form")
        if rules.is_kept(self.hosts, self.whole):
            agents.do("switch")
        rules.serve(self.ledger, self.hosts)
        rules.allocate(self.ledger, self.hosts)
        self.ledger.epoch += 1
        self.datacollector.collect(self)

    def _open_juries(self) -> None:
        running, self.ends = 0, []
        for host in self.hosts:
            running += host.weight
            self.ends.append(running)
        self.whole = running
        self.silent = sum(h.weight for h in self.hosts if not h.online)
        self.silent_ends = self.rules.silent_ends(self.hosts)


def play(rules: Rules, epochs: int) -> list[int]:
    """What each epoch paid."""
    network = Network(rules)
    for _ in range(epochs):
        network.step()
    return network.datacollector.model_vars["paid"]


if __name__ == "__main__":
    main("mesa", sys.argv[1], play)
