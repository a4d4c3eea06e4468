"""The epoch in radCAD: hosts and ledger are state variables, a stage is a state update block.

The engine is the default one, which gives every function a copy of the state to work on. Substeps
are dropped, so that only memory for one state an epoch is taken.
"""

import sys
from typing import Any

from radcad import Backend, Engine, Model, Simulation
from rules import Host, Ledger, Rules, main

State = dict[str, Any]


def prove(params: State, _substep: Any, _history: Any, state: State, _input: State) -> Any:
    """Stages 1 to 3."""
    rules: Rules = params["rules"]
    hosts: list[Host] = state["hosts"]
    for host in hosts:
        rules.prove(host)
    rules.proven()
    return "hosts", hosts


def hear(params: State, _substep: Any, _history: Any, state: State, _input: State) -> Any:
    """Stages 4 to 6."""
    rules: Rules = params["rules"]
    hosts: list[Host] = state["hosts"]
    whole, ends = 0, []
    for host in hosts:
        whole += host.weight
        ends.append(whole)
    silent = sum(h.weight for h in hosts if not h.online)
    for host in hosts:
        rules.count_silence(host, whole, silent)
    silent_ends = rules.silent_ends(hosts)
    for rank, host in enumerate(hosts):
        if host.silence:
            rules.seat_silence(host, hosts, silent_ends, rank)
    for rank, host in enumerate(hosts):
        if host.forged and rules.is_heard(host):
            rules.hear(host, hosts, ends, rank)
    for host in hosts:
        rules.judge(host)
    return "hosts", hosts


def reward(params: State, _substep: Any, _history: Any, state: State) -> State:
    """What each host of the ended epoch gets."""
    rules: Rules = params["rules"]
    hosts: list[Host] = state["hosts"]
    ledger: Ledger = state["ledger"]
    amount, whole = rules.reward(ledger), sum(h.weight for h in hosts)
    paid = [rules.settle(host, amount, whole) for host in hosts]
    return {"paid": paid, "subsidy": ledger.subsidy}


def pay_hosts(_params: State, _substep: Any, _history: Any, state: State, given: State) -> Any:
    """Stage 9, of the epoch that ends."""
    hosts: list[Host] = state["hosts"]
    for host, amount in zip(hosts, given["paid"], strict=True):
        host.income += amount
    return "hosts", hosts


def book(_params: State, _substep: Any, _history: Any, state: State, given: State) -> Any:
    """The chain's side of the payment."""
    ledger: Ledger = state["ledger"]
    ledger.subsidy = given["subsidy"]
    ledger.minted += sum(given["paid"])
    ledger.paid.append(sum(given["paid"]))
    return "ledger", ledger


def form(params: State, _substep: Any, _history: Any, state: State, _input: State) -> Any:
    """Stages 7 and 8."""
    rules: Rules = params["rules"]
    hosts: list[Host] = state["hosts"]
    for host in hosts:
        rules.form(host)
    if rules.is_kept(hosts, sum(h.weight for h in hosts)):
        for host in hosts:
            rules.switch(host)
    return "hosts", hosts


def serve(params: State, _substep: Any, _history: Any, state: State, _input: State) -> Any:
    """Stage 9: demand and price."""
    rules: Rules = params["rules"]
    ledger: Ledger = state["ledger"]
    rules.serve(ledger, state["hosts"])
    return "ledger", ledger


def allocate(params: State, _substep: Any, _history: Any, state: State, _input: State) -> Any:
    """Stage 9: slots of the next PoC."""
    rules: Rules = params["rules"]
    rules.allocate(state["ledger"], state["hosts"])
    return "hosts", state["hosts"]


def advance(_params: State, _substep: Any, _history: Any, state: State, _input: State) -> Any:
    """The next epoch."""
    ledger: Ledger = state["ledger"]
    ledger.epoch += 1
    return "ledger", ledger


BLOCKS = [
    {"policies": {}, "variables": {"hosts": prove}},
    {"policies": {}, "variables": {"hosts": hear}},
    {"policies": {"reward": reward}, "variables": {"hosts": pay_hosts, "ledger": book}},
    {"policies": {}, "variables": {"hosts": form}},
    {"policies": {}, "variables": {"ledger": serve}},
    {"policies": {}, "variables": {"hosts": allocate, "ledger": advance}},
]


def play(rules: Rules, epochs: int) -> list[int]:
    """What each epoch paid."""
    state = {"hosts": rules.hosts(), "ledger": rules.ledger()}
    model = Model(initial_state=state, state_update_blocks=BLOCKS, params={"rules": [rules]})
    simulation = Simulation(model=model, timesteps=epochs, runs=1)
    simulation.engine = Engine(backend=Backend.SINGLE_PROCESS, drop_substeps=True)
    rows = simulation.run()
    return rows[-1]["ledger"].paid


if __name__ == "__main__":
    main("radcad", sys.argv[1], play)
