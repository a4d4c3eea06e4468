"""The Triton kernels, run by Triton's interpreter: the same code as on a GPU, bit for bit."""

from pathlib import Path

from interpreter import interpreted

SCRIPT = Path(__file__).parent / "triton_cases.py"


def test_every_kernel_and_the_golden_network_equal_the_reference_in_the_interpreter() -> None:
    assert interpreted("-W", "error", str(SCRIPT)) == ["int8", "fp16", "fill", "network"]
