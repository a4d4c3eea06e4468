"""Names of metrics: columns of epochs, and columns of fleets, written COLUMN:FLEET."""

from collections.abc import Sequence

EPOCH_COLUMNS = (
    "epoch",
    "reward",
    "paid",
    "minted",
    "total_weight",
    "hosts",
    "fraud_hosts",
    "no_quorum_hosts",
    "absent_share",
    "forged_share",
    "detected_share",
    "forged_credit_share",
    "gini",
    "nakamoto",
    "hhi",
    "coverage",
    "serving_share",
    "unit_price",
    "kept_share",
    "abandoned",
)


FLEET_COLUMNS = (
    "income",
    "income_per_gpu_hour",
    "profit_usd",
    "weight_share",
    "zeroed_share",
    "acted_share",
    "active_hosts",
    "left_share",
)


def what_is_wrong(metric: str, fleets: Sequence[str]) -> str | None:
    """Why a text names no metric of these fleets; nothing when it does."""
    column, colon, fleet = metric.partition(":")
    if colon and column in FLEET_COLUMNS and fleet not in fleets:
        return f"no fleet {fleet!r}; there are {', '.join(fleets)}"
    if column not in (FLEET_COLUMNS if colon else EPOCH_COLUMNS):
        return (
            f"{metric} is no metric; there are {', '.join(EPOCH_COLUMNS)}, and, followed by "
            f":FLEET, {', '.join(FLEET_COLUMNS)}"
        )
    return None
