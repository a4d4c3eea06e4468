"""Parameters of the proof network and their bounds (docs/spec/poc.md, "Parameters")."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from mlnode.poc.errors import ParamsError


@dataclass(frozen=True, slots=True, kw_only=True)
class PocParams:
    """Shape of the proof network.

    Attributes:
        dim: width D of the residual stream, in elements.
        n_layers: number of layers L.
        n_heads: query heads H.
        n_kv_heads: key and value heads KV; each serves H / KV query heads.
        vocab_size: width V of the output.
        ffn_dim_multiplier: factor on ⌊8·dim/3⌋; a decimal, as the chain holds it, so that
            1.3 is 13/10 in every language.
        multiple_of: the FFN width is rounded up to a multiple of this.
        seq_len: positions S of the input of one nonce.

    Raises:
        ParamsError: names the field that is out of bounds and what is legal. The bounds keep
            every int32 accumulator below 2³¹ and every int64 of the decision below 2⁵⁷.
    """

    dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    vocab_size: int
    ffn_dim_multiplier: Decimal
    multiple_of: int
    seq_len: int

    def __post_init__(self) -> None:
        _between("dim", self.dim, 64, 131_072)
        _between("n_layers", self.n_layers, 2, 1_024)
        _between("n_heads", self.n_heads, 1, self.dim)
        _between("n_kv_heads", self.n_kv_heads, 1, self.n_heads)
        _between("vocab_size", self.vocab_size, 256, 131_072)
        _between("multiple_of", self.multiple_of, 1, 131_072)
        _between("seq_len", self.seq_len, 8, 1_024)
        if self.dim % self.n_heads:
            raise ParamsError("n_heads", self.n_heads, f"a divisor of dim = {self.dim}")
        if self.n_heads % self.n_kv_heads:
            raise ParamsError(
                "n_kv_heads", self.n_kv_heads, f"a divisor of n_heads = {self.n_heads}"
            )
        _between("head_dim", self.head_dim, 32, 1_024)
        multiplier = self.ffn_dim_multiplier
        if not multiplier.is_finite() or not 0 < multiplier <= 16:
            raise ParamsError("ffn_dim_multiplier", str(multiplier), "above 0 and at most 16")
        _between("ffn_dim", self.ffn_dim, 64, 131_072)

    @property
    def head_dim(self) -> int:
        """Width hd = D / H of one head."""
        return self.dim // self.n_heads

    @property
    def kv_dim(self) -> int:
        """Width KV·hd of all keys, and of all values, of one position."""
        return self.n_kv_heads * self.head_dim

    @property
    def qkv_dim(self) -> int:
        """Rows of the fused projection: queries, then keys, then values."""
        return self.dim + 2 * self.kv_dim

    @property
    def ffn_dim(self) -> int:
        """FFN width F = round_up(⌊mult · ⌊8·dim/3⌋⌋, multiple_of), as Llama derives it."""
        width = int(Fraction(self.ffn_dim_multiplier) * (8 * self.dim // 3))
        return -(-width // self.multiple_of) * self.multiple_of


def _between(field: str, value: int, low: int, high: int) -> None:
    # bool is an int to Python, but a parameter that arrives as one is a mistake.
    if type(value) is not int or not low <= value <= high:
        raise ParamsError(field, value, f"an integer from {low} to {high}")


LONGEST_DECIMAL = 64
"""Characters of a decimal that a request may spell out."""


def is_of_bounded_size(value: Decimal) -> bool:
    """Whether a decimal is a number whose exact fraction is about as long as its text.

    Beyond a float's range a short text spells a fraction of any length.
    """
    return value.is_finite() and -300 < value.adjusted() < 300


MODEL_PARAMS = PocParams(
    dim=1024,
    n_layers=32,
    n_heads=32,
    n_kv_heads=32,
    vocab_size=8196,
    ffn_dim_multiplier=Decimal("10.0"),
    multiple_of=2048,
    seq_len=128,
)
"""The parameters of the main network: F = 28,672, 2.96 GB of weights."""

MODEL_PARAMS_BIG = PocParams(
    dim=8192,
    n_layers=40,
    n_heads=64,
    n_kv_heads=8,
    vocab_size=8192,
    ffn_dim_multiplier=Decimal("1.3"),
    multiple_of=4096,
    seq_len=256,
)
"""A network that fills a 40 GB device: F = 28,672, about 34.3 GB of weights."""

MODEL_PARAMS_TEST = PocParams(
    dim=128,
    n_layers=3,
    n_heads=4,
    n_kv_heads=2,
    vocab_size=1024,
    ffn_dim_multiplier=Decimal("1.0"),
    multiple_of=64,
    seq_len=32,
)
"""The parameters of a local network and of the tests: F = 384, below 1 MB of weights."""
