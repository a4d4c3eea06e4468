"""The engines that a CPU can run."""

from mlnode.poc.engines.exact import ExactEngine
from mlnode.poc.engines.products import fp32_product, int8_product
from mlnode.poc.engines.reference import ReferenceKernel
from mlnode.poc.engines.tiles import TiledKernel


def numpy_engine() -> ExactEngine:
    """Returns the reference: plain int64 NumPy."""
    return ExactEngine("numpy", ReferenceKernel())


def int8_engine() -> ExactEngine:
    """Returns int8 products in int32 sums; fast where the CPU has VNNI."""
    return ExactEngine("int8", TiledKernel(int8_product))


def fp32_engine() -> ExactEngine:
    """Returns fp32 products in chunks that are exact; for CPUs whose int8 saturates."""
    return ExactEngine("fp32", TiledKernel(fp32_product))


def cpu_engines() -> tuple[ExactEngine, ...]:
    """Returns one of each, none started."""
    return int8_engine(), fp32_engine(), numpy_engine()
