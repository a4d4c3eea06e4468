"""Twin of core/price (docs/spec/price.md). Prices in 10⁻⁶ unine a unit, amounts in unine."""

from simulation import fixed
from simulation.errors import ParameterError

PER_UNINE = 1_000_000
MAX_PRICE = 2**63 - 1
_STEP = 50


def next_price(price: int, *, real: int, expected: int) -> int:
    """The unit price after SET_NEW_VALIDATORS, by the load real/expected of PRE_POC_SLOT.

    Above 0.6 it rises by ⌈p/50⌉, below 0.4 it falls by ⌊p/50⌋. Raises ParameterError.
    """
    if not 1 <= price <= MAX_PRICE:
        raise ParameterError(f"a price lies between 1 and 2^63-1, got {price}")
    if 5 * real > 3 * expected:
        return min(MAX_PRICE, price + -(-price // _STEP))
    if 5 * real < 2 * expected:
        return max(1, price - price // _STEP)
    return price


def charge(*, tokens: int, units_per_token: int, max_cost: int, price: int) -> int:
    """What a receipt costs, in unine: min(max_cost, ⌈tokens·units·price/10⁶⌉)."""
    return min(max_cost, -(-tokens * units_per_token * price // PER_UNINE))


def divide(amount: int, burn: int) -> tuple[int, int]:
    """(burned, paid) of a charge; burn in 10⁻¹⁸, burned rounds up. Raises ParameterError."""
    if burn > fixed.ONE:
        raise ParameterError("serving_burn lies between 0 and 1")
    burned = fixed.mul_div_ceil(amount, burn, fixed.ONE)
    return burned, amount - burned
