"""Byte streams from which every weight, input and target is drawn (docs/spec/poc.md, "Streams").

A stream is named by its fields. SHA-256 of the fields gives a 128-bit seed, and Philox turns
(seed, block number) into 16 bytes. Nothing has to be made in order: a shard draws its part.

Axes: X rows to be filled, each at a place of its own in a stream of its own; N bytes of a row;
K blocks of a row; W the four words of a seed or a block; O and I rows and columns of a weight.
"""

import hashlib
from collections.abc import Iterable

import numpy as np

from mlnode.poc.arrays import I8, U8, U32, U64
from mlnode.poc.philox import permute

BLOCK_BYTES = 16
# The six uint64 work arrays of a tile take 384 KiB: they stay in a second-level cache.
_TILE_BLOCKS = 8_192
_TILE_BYTES = _TILE_BLOCKS * BLOCK_BYTES
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def stream(poc_version: int, *fields: bytes) -> U32:
    """Returns the seed of one stream: uint32 [4], two key words, then counter words 2 and 3."""
    return streams(poc_version, *fields[:-1], last=fields[-1:])[0]


def streams(poc_version: int, *fields: bytes, last: Iterable[bytes]) -> U32:
    """Returns the seeds of streams that differ only in their last field: uint32 [X, 4]."""
    prefix = hashlib.sha256()
    for field in (b"exact8", str(poc_version).encode("ascii"), *fields):
        prefix.update(_framed(field))
    seeds = bytearray()
    for field in last:
        whole = prefix.copy()
        whole.update(_framed(field))
        seeds += whole.digest()[:BLOCK_BYTES]
    return np.frombuffer(bytes(seeds), dtype="<u4").reshape(-1, 4).astype(np.uint32)


def act(seed_XW: U32, count: int, *, first: int = 0) -> I8:
    """Returns activations: the bytes [first, first + count) of each stream as int8 [X, count]."""
    out_XN = np.empty((len(seed_XW), count), np.uint8)
    fill(seed_XW, np.full(len(seed_XW), first, np.uint64), out_XN)
    return out_XN.view(np.int8)


def wgt(seed_W: U32, width: int, rows: range, cols: range | None = None) -> I8:
    """Returns the block ``rows`` × ``cols`` of a weight [·, width], int8 with −128 read as 0.

    Args:
        seed_W: seed of the whole tensor; the result does not depend on how it is cut up.
        width: columns of the whole tensor.
        rows, cols: contiguous ranges in the whole tensor; all columns when ``cols`` is None.
    """
    cols = range(width) if cols is None else cols
    out_OI = np.empty((len(rows), len(cols)), np.int8)
    wgt_into(seed_W, width, rows, cols, out_OI)
    return out_OI


def wgt_into(seed_W: U32, width: int, rows: range, cols: range, out_OI: I8) -> None:
    """As ``wgt``, into a C-contiguous array where the weights will stay."""
    if len(cols) == width:
        # Whole rows are one run of the stream; cut it at tiles, not at rows.
        first_X = np.array([rows.start * width], np.uint64)
        out_XN = out_OI.reshape(1, -1)
    else:
        first_X = np.arange(rows.start, rows.stop, dtype=np.uint64) * np.uint64(width)
        first_X += np.uint64(cols.start)
        out_XN = out_OI
    seed_XW = np.broadcast_to(seed_W, (len(first_X), 4))
    fill(seed_XW, first_X, out_XN.view(np.uint8), weights=True)


def fill(seed_XW: U32, first_X: U64, out_XN: U8, *, weights: bool = False) -> None:
    """Fills row x with the bytes [first_X[x], first_X[x] + N) of stream seed_XW[x].

    Args:
        weights: reads the bytes as weights, so that 0x80 becomes 0.
    """
    count, width = out_XN.shape
    rows = max(1, _TILE_BYTES // max(width + BLOCK_BYTES, 1))
    for x in range(0, count, rows):
        tile = slice(x, x + rows)
        for n in range(0, width, _TILE_BYTES):
            part = out_XN[tile, n : n + _TILE_BYTES]
            _fill_tile(seed_XW[tile], first_X[tile] + np.uint64(n), part)
            if weights:
                np.putmask(part, part == 0x80, 0)


def _fill_tile(seed_XW: U32, first_X: U64, out_XN: U8) -> None:
    width = out_XN.shape[1]
    block_X, skip_X = np.divmod(first_X, np.uint64(BLOCK_BYTES))
    skips = skip_X.astype(np.int64)
    blocks = -(-(int(skips.max()) + width) // BLOCK_BYTES)
    bytes_XN = _blocks(seed_XW, block_X, blocks)
    if np.all(skips == skips[0]):
        out_XN[:] = bytes_XN[:, skips[0] : skips[0] + width]
        return
    for row, skip in enumerate(skips):
        out_XN[row] = bytes_XN[row, skip : skip + width]


def _blocks(seed_XW: U32, block_X: U64, count: int) -> U8:
    """Returns blocks block_X[x] … + count of each stream, uint8 [X, 16·count]."""
    seed_WX1 = seed_XW.T.astype(np.uint64)[:, :, None]
    words_WXK = np.empty((4, len(block_X), count), np.uint64)
    number_XK = block_X[:, None] + np.arange(count, dtype=np.uint64)
    np.bitwise_and(number_XK, _LOW, out=words_WXK[0])
    np.right_shift(number_XK, _HALF, out=words_WXK[1])
    words_WXK[2:] = seed_WX1[2:]
    permute(words_WXK, seed_WX1[0], seed_WX1[1])
    block_XKW = np.empty((len(block_X), count, 4), "<u4")
    for word in range(4):
        block_XKW[:, :, word] = words_WXK[word]
    return block_XKW.view(np.uint8).reshape(len(block_X), -1)


def _framed(field: bytes) -> bytes:
    return len(field).to_bytes(4, "little") + field
