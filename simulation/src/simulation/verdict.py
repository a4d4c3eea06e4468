"""Pages of a comparison and of an attack: who gains, who loses, what honesty costs."""

from collections.abc import Sequence
from pathlib import Path

from simulation import page
from simulation.attack import Found
from simulation.compare import Change, Comparison, Response
from simulation.page import Page, Table
from simulation.plots import change_figure, epoch_figures, income_figure, regret_figure
from simulation.report import abandoned_words, facts
from simulation.run import Mode, version
from simulation.scenario import Behaviour, Scenario, differences


def write_comparison(made: Comparison, mode: Mode, out: Path) -> Path:
    """Write the page of a comparison. Raises ResultError."""
    base, proposal = made.base, made.proposal
    labels = ["base", "proposal"]
    rows = [
        [
            c.fleet,
            c.gpu,
            f"{c.base / 1e6:,.6f}",
            f"{c.proposal / 1e6:,.6f}",
            f"{c.difference.mean / 1e6:+,.6f}",
            f"{c.difference.low / 1e6:+,.6f} … {c.difference.high / 1e6:+,.6f}",
            c.words,
        ]
        for c in made.changes
    ]
    head = ["Fleet", "GPU", "Base", "Proposal", "Difference", "95 % interval", ""]
    digests = [base.digest, proposal.digest]
    return page.write(
        Page(
            title=f"{proposal.name} · against {base.name}",
            question=proposal.question,
            answers=comparison_words(made),
            figures=[
                change_figure(made.changes),
                income_figure(made.fleets, labels),
                *epoch_figures(made.epochs, labels, bool(base.models or proposal.models)),
            ],
            tables=[Table(title="Income, NINE a GPU-hour", head=head, rows=rows)],
            facts=facts(version(), mode, digests, base),
            scenarios=[
                ("The base", base.model_dump(mode="json")),
                ("The proposal", proposal.model_dump(mode="json")),
            ],
        ),
        out,
    )


def comparison_words(made: Comparison) -> list[str]:
    """Who gains, who loses, and by what: a change of rules, or of more than that."""
    lines = [_sentence(c) for c in sorted(made.changes, key=lambda c: c.difference.mean)]
    return [*lines, *gone(made), *causes(made.base, made.proposal)]


def gone(made: Comparison) -> list[str]:
    """How many epochs of either side were abandoned, and why, where any was."""
    sides = ("Base", made.base), ("Proposal", made.proposal)
    return [
        f"{name}: {line}"
        for point, (name, side) in enumerate(sides)
        for line in abandoned_words(side, made.epochs, point)
    ]


def causes(base: Scenario, proposal: Scenario) -> list[str]:
    """Every key in which two scenarios differ, and what a difference of incomes follows from."""
    found = differences(base, proposal)
    if not found:
        return ["The proposal changes nothing: the two files differ in their texts at most."]
    rules = ", ".join(str(d) for d in found if d.is_rule) or "no parameter of the chain"
    others = [str(d) for d in found if not d.is_rule]
    lines = [f"The proposal changes {rules}."]
    if others:
        lines.append(
            "Beside the rules the two files differ in "
            f"{len(others)} {'keys' if len(others) > 1 else 'key'}: {'; '.join(others)}. "
            "So they are two networks, and a difference of incomes is not the rule's alone."
        )
    else:
        lines.append(
            "Both sides are the same network and drew the same nonces, faults and demand in each "
            f"of {base.replicas} replicas, so a difference is the rule's."
        )
    return lines


def _sentence(c: Change) -> str:
    d = c.difference
    if c.words == "unchanged":
        return f"{c.fleet}: unchanged, {c.base / 1e6:,.4f} NINE a GPU-hour."
    by = f"{abs(d.mean) / c.base:.2%} of its income" if c.base else f"{abs(d.mean) / 1e6:,.4f} NINE"
    ends = f"{d.low / 1e6:+,.4f} to {d.high / 1e6:+,.4f} NINE a GPU-hour with 95 % confidence"
    if c.words == "not distinguishable":
        return f"{c.fleet}: no difference that this many replicas tell from chance ({ends})."
    return f"{c.fleet}: {c.words} {by} ({ends})."


def write_attack(
    scenario: Scenario,
    behaviour: Behaviour,
    fleet: str,
    found: Found,
    mode: Mode,
    out: Path,
) -> Path:
    """Write the page of an attack. Raises ResultError."""
    rows = [
        [
            f"{r.strength:g}",
            str(r.parts),
            f"{r.gain.mean / 1e6:+,.3f}",
            f"{r.gain.low / 1e6:+,.3f} … {r.gain.high / 1e6:+,.3f}",
            r.of_income,
        ]
        for r in found.tried
    ]
    head = ["Strength", "Parts", "Gain, NINE an epoch", "95 % interval", "Of its income"]
    return page.write(
        Page(
            title=f"{scenario.name} · {behaviour.value}",
            question=f"Does it pay for {fleet} to be a {behaviour.value} instead of honest?",
            answers=found_words(behaviour, fleet, found),
            figures=[regret_figure(found.tried, found.best if found.fresh else None)],
            tables=[Table(title="Responses that were tried, the best first", head=head, rows=rows)],
            facts=facts(version(), mode, [scenario.digest], scenario),
            scenarios=[("The scenario", scenario.model_dump(mode="json"))],
        ),
        out,
    )


def found_words(behaviour: Behaviour, fleet: str, found: Found) -> list[str]:
    """Whether the best response pays, how it was chosen, and where the search for it ended."""
    best, then = found.best, found.tried[0]
    lines = attack_words(behaviour, fleet, [best, *found.tried])
    if not found.fresh:
        return lines
    return [
        *lines,
        f"It is the best of {len(found.tried)} that were tried, and the best of many is partly the "
        f"luckiest: so its gain is measured on fresh seeds, of replicas {found.fresh[0]} to "
        f"{found.fresh[-1]}, which had no part in the choice. On the seeds that it was chosen by "
        f"it gained {then.gain.mean / 1e6:+,.3f} ({_ends(then)}).",
        *found.ended,
    ]


def _ends(response: Response) -> str:
    gain = response.gain
    return f"95 %: {gain.low / 1e6:+,.3f} to {gain.high / 1e6:+,.3f}"


def attack_words(behaviour: Behaviour, fleet: str, responses: Sequence[Response]) -> list[str]:
    """Whether the best response pays, and the regret of being honest."""
    best = responses[0]
    regret = f"is {max(0.0, best.gain.mean) / 1e6:,.3f} NINE an epoch"
    if not any(r.paid for r in responses):
        lines = ["Nothing was paid to anybody, honest or not: there is no income to compare."]
        return lines + _abandoned(best)
    how = f"strength {best.strength:g}, {best.parts} parts"
    if not best.honest and best.gain.mean == 0:
        first = f"Nothing was paid to {fleet}, honest or not."
    elif best.gain.high <= 0:
        first = f"No tried {behaviour.value} pays for {fleet}."
    elif best.gain.low > 0:
        by = f"{best.gain.mean / 1e6:+,.3f} NINE an epoch"
        share = f", {best.of_income} of its income" if best.of_income else ""
        first = f"A {behaviour.value} pays for {fleet}: {by}{share}."
    else:
        first = f"No gain of a {behaviour.value} for {fleet} can be told from chance."
        regret = "cannot be told from 0 by this many replicas"
    lines = [
        first,
        f"The best response ({how}) gains {best.gain.mean / 1e6:+,.3f} NINE an epoch "
        f"({_ends(best)}).",
        f"The regret of being honest {regret}.",
    ]
    return lines + _abandoned(best)


def _abandoned(best: Response) -> list[str]:
    if not best.abandoned:
        return []
    share = f"{best.abandoned:.1%} of its epochs"
    return [f"With the best response {share} are abandoned, and pay nobody."]
