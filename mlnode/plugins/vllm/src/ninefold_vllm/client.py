"""Goes through a round with an offline engine, from nonces to distances."""

import importlib
from collections.abc import Iterable
from typing import Any

import torch
from mlnode.poc.arrays import F64
from mlnode.poc.served.gpu_random import generate_inputs
from mlnode.poc.served.tail import Tail

from ninefold_vllm.worker import PluginError


def prove(
    llm: Any, *, block_hash: str, public_key: str, nonces: Iterable[int], positions: int
) -> F64:
    """Returns the distance of each nonce, float64, in the order given.

    Args:
        llm: ``vllm.LLM``, started with ``enforce_eager`` and ``enable_prompt_embeds``; nothing
            else is to be asked of it meanwhile.
        block_hash: challenge of the round, 64 hexadecimal digits.
        public_key: account address of the host, 40 hexadecimal digits.
        positions: of the input of a nonce.

    Raises:
        PluginError: no worker has the last hidden state of a request.
    """
    config, cpu, nonces = llm.llm_engine.model_config, torch.device("cpu"), list(nonces)
    width = int(config.get_hidden_size())
    x_BSD = generate_inputs(block_hash, public_key, nonces, width, positions, cpu, config.dtype)
    sampling = importlib.import_module("vllm").SamplingParams(max_tokens=1, temperature=0.0)
    llm.collective_rpc("poc_start", args=(block_hash,))
    try:
        answers = llm.generate([{"prompt_embeds": x_SD} for x_SD in x_BSD], sampling)
        taken: dict[str, list[float]] = {}
        for of_worker in llm.collective_rpc("poc_take"):
            taken = of_worker or taken
    finally:
        llm.collective_rpc("poc_stop")
    missing = [answer.request_id for answer in answers if answer.request_id not in taken]
    if missing:
        raise PluginError(f"no worker saw the end of request {missing[0]}")
    # Which request is of which nonce is known here and not to the workers.
    hidden_BD = torch.tensor([taken[answer.request_id] for answer in answers])
    tail = Tail(block_hash, width, cpu)
    return tail.distances(tail.outputs(hidden_BD), bytes.fromhex(public_key), nonces)
