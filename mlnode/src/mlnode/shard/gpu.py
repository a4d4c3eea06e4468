"""The engines that a group of devices can run."""

# PyTorch does not say what its properties of a device are.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import torch

from mlnode.poc.engines.cpu_arithmetic import fp32_arithmetic, int8_arithmetic
from mlnode.poc.engines.layers import Arithmetic
from mlnode.poc.engines.products import fp32_product
from mlnode.poc.engines.tiles import TiledArithmetic
from mlnode.poc.params import PocParams
from mlnode.poc.tensors import weight_bytes
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.placement import Stage, even_stages, place


def group_engines(devices: tuple[str, ...], *, batch_size: int = 0) -> tuple[ShardedEngine, ...]:
    """Returns every candidate engine for a group, none started; all share one placement.

    Args:
        devices: names for PyTorch; a name may come several times, for stages on one device.
    """

    def placed(params: PocParams) -> tuple[Stage, ...]:
        if all(device == "cpu" for device in devices):
            # A network of few layers, as the self-test's, leaves the last stages out.
            return even_stages(params, devices[: params.n_layers])
        # The tenth that is not for weights holds activations; the batch is sized by what is left.
        free = [int(torch.cuda.mem_get_info(device)[0] * 0.9) for device in devices]
        if len(devices) == 1 and weight_bytes(params) <= free[0]:
            return even_stages(params, devices)
        return place(params, devices, free)

    return tuple(
        ShardedEngine(name, arithmetic, placed, devices=devices, batch_size=batch_size)
        for name, arithmetic in arithmetics(devices).items()
    )


def arithmetics(devices: tuple[str, ...]) -> dict[str, Arithmetic]:
    """Returns the products that the engines of a group are made of, by the engine's name."""
    if not any(device.startswith("cuda") for device in devices):
        return {"int8": int8_arithmetic(), "fp32": fp32_arithmetic()}
    # TF32 keeps 10 bits of a factor: fp32 products must be what their name says.
    torch.backends.cuda.matmul.allow_tf32 = False
    from mlnode.poc.engines.triton_ops import TritonArithmetic

    return {
        "int8": TritonArithmetic("int8"),
        "bf16": TritonArithmetic("bf16"),
        "fp16": TritonArithmetic("fp16"),
        "fp32": TiledArithmetic(fp32_product),
    }
