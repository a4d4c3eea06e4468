"""From a scenario's parameters to the proposal file that `testnet propose` takes."""

import json
from pathlib import Path
from typing import Any

from simulation.errors import ResultError, ScenarioError
from simulation.params import preset, table
from simulation.scenario import Scenario


def proposal(scenario: Scenario, title: str = "", summary: str = "") -> dict[str, Any]:
    """A MsgUpdateParams with the parameters that differ from the scenario's preset.

    Raises:
        ScenarioError: when nothing differs.
    """
    before, after = preset(scenario.preset), scenario.parameters
    changes = {name: after[name] for name in table() if after[name] != before[name]}
    if not changes:
        raise ScenarioError(
            f"{scenario.name}: no parameter differs, so there is nothing to propose"
        )
    told = ", ".join(f"{name} from {before[name]} to {value}" for name, value in changes.items())
    return {
        "title": title or f"Set {', '.join(changes)}",
        "summary": summary or f"{scenario.question} {told}.".strip(),
        "messages": [{"@type": "/inference.v1.MsgUpdateParams", "params": _nested(changes)}],
    }


def _nested(changes: dict[str, str]) -> dict[str, Any]:
    """Parameters as the chain's JSON writes them."""
    out: dict[str, Any] = {}
    for name, value in changes.items():
        head, _, rest = name.partition(".")
        if rest:
            out.setdefault(head, {})[rest] = value
        elif table()[name].kind == "bool":
            out[name] = value == "true"
        else:
            out[name] = f"POC_KIND_{value}" if name == "poc_kind" else value
    return out


def write(scenario: Scenario, out: Path, title: str = "", summary: str = "") -> Path:
    """Write the file. Raises ScenarioError, ResultError."""
    text = json.dumps(proposal(scenario, title, summary), indent=2, ensure_ascii=False)
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ResultError(f"cannot write {out}: {error}") from error
    return out
