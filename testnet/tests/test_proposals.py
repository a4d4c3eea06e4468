"""Proposal files: those that ship are sound, and a wrong one is refused by name."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cosmpy.aerial.wallet import LocalWallet
from ninefold_proto.inference.v1 import params_pb2, tx_pb2
from testnet.errors import SpecError
from testnet.proposal import Proposal, build_messages, gov_address, load_proposal, members

SHIPPED = sorted((Path(__file__).parents[1] / "proposals").glob("*.json"))


def test_there_are_proposals_of_each_kind() -> None:
    kinds = {m["@type"] for path in SHIPPED for m in load_proposal(path).messages}
    assert kinds == {
        "/inference.v1.MsgRegisterModel",
        "/inference.v1.MsgRemoveModel",
        "/inference.v1.MsgUpdateParams",
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_a_shipped_proposal_builds_messages_of_governance(path: Path) -> None:
    messages = build_messages(load_proposal(path), params_pb2.Params(lanes=16))
    assert messages
    assert {m.authority for m in messages} == {gov_address()}  # type: ignore[attr-defined]


def test_parameters_the_file_leaves_out_stay_as_they_are() -> None:
    now = params_pb2.Params(
        lanes=16, coverage_bonus="0.1", sample_size=200, throughput_validation_enabled=True
    )
    proposal = Proposal(
        title="t",
        summary="s",
        messages=(
            {
                "@type": "/inference.v1.MsgUpdateParams",
                "params": {"sample_size": "50", "throughput_validation_enabled": False},
            },
        ),
    )
    (message,) = build_messages(proposal, now)
    assert isinstance(message, tx_pb2.MsgUpdateParams)
    assert (message.params.lanes, message.params.coverage_bonus) == (16, "0.1")
    assert message.params.sample_size == 50
    assert not message.params.throughput_validation_enabled


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "not JSON"),
        ("[]", "exactly the keys messages, summary, title"),
        (json.dumps({"title": "t", "messages": [], "summary": "s"}), "at least one message"),
        (
            json.dumps({"title": "t", "summary": "s", "messages": [{"@type": "/x.Msg"}]}),
            r"messages\[0\].*'x.Msg' is not one of",
        ),
        (
            json.dumps(
                {
                    "title": "t",
                    "summary": "s",
                    "messages": [
                        {"@type": "/inference.v1.MsgUpdateParams", "params": {"lane": "1"}}
                    ],
                }
            ),
            'no field named "lane"',
        ),
        (
            json.dumps({"title": "t", "summary": "s", "messages": ["a"]}),
            r"messages\[0\] is an object with \"@type\", got 'a'",
        ),
        (
            json.dumps({"title": None, "summary": "s", "messages": [{}]}),
            "title is a text that is not empty, got None",
        ),
        (
            json.dumps({"title": "t", "summary": 7, "messages": [{}]}),
            "summary is a text that is not empty, got 7",
        ),
        (
            json.dumps({"title": " ", "summary": "s", "messages": [{}]}),
            "title is a text that is not empty, got ' '",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path: Path, body: str, words: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(body)
    with pytest.raises(SpecError, match=words):
        load_proposal(path)


def test_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        load_proposal(tmp_path / "none.json")


def test_a_folder_and_what_is_no_text_are_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="Is a directory"):
        load_proposal(tmp_path)
    path = tmp_path / "p.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="not JSON: 'utf-8' codec"):
        load_proposal(path)


@pytest.mark.parametrize(
    "given", [{"coverageBonus": "0", "throughputValidationEnabled": False}, None]
)
def test_parameters_have_either_name_that_json_gives_them(given: dict[str, Any] | None) -> None:
    now = params_pb2.Params(lanes=16, coverage_bonus="0.1", throughput_validation_enabled=True)
    raw = {"@type": "/inference.v1.MsgUpdateParams", "params": given}
    (message,) = build_messages(Proposal(title="t", summary="s", messages=(raw,)), now)
    assert isinstance(message, tx_pb2.MsgUpdateParams)
    assert message.params.lanes == 16
    assert message.params.coverage_bonus == ("0" if given else "0.1")
    assert message.params.throughput_validation_enabled == (given is None)


def test_only_members_of_the_epoch_in_effect_vote() -> None:
    wallets = [LocalWallet.generate(prefix="nine") for _ in range(3)]
    old, judged, joined = wallets
    weights = [
        SimpleNamespace(participant=str(old.address()), weight=7),
        SimpleNamespace(participant=str(judged.address()), weight=0),
    ]
    ledger: Any = SimpleNamespace(
        stage=lambda: SimpleNamespace(effective=4), weights={4: weights}.__getitem__
    )
    assert members(ledger, [joined, judged, old]) == [old]
