"""The network's products, attention and random bytes as Triton kernels.

Every product keeps its sums in registers and writes one byte of each: shift and wrap are done
where the sum is. Gate and up of a column are summed side by side from one read of x, so that
their product is done there too. With ``TRITON_INTERPRET=1`` the same code runs on a CPU.

In the kernels: BM rows, BN columns and BK depth of a tile; CHUNK the depth after which a sum
held in fp32 is moved to int32, 0 where sums are int32 to begin with.
"""

# Triton's language is not typed, and what stands in a kernel is not Python.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeArgument=false, reportArgumentType=false
# pyright: reportGeneralTypeIssues=false, reportAttributeAccessIssue=false

import triton
import triton.language as tl


@triton.jit
def _dot(x_ptr, w_ptr, m, n, x_rows, w_rows, depth, CHUNK: tl.constexpr, BM: tl.constexpr,
         BN: tl.constexpr, BK: tl.constexpr, KIND: tl.constexpr):  # fmt: skip
    """Returns the int32 sums of a tile: rows m of x times rows n of w."""
    k = tl.arange(0, BK)
    x_at = x_ptr + m.to(tl.int64)[:, None] * depth + k[None, :]
    w_at = w_ptr + n.to(tl.int64)[None, :] * depth + k[:, None]
    sums = tl.zeros((BM, BN), dtype=tl.int32)
    part = tl.zeros((BM, BN), dtype=tl.float32)
    for first in range(0, depth, BK):
        inside = first + k < depth
        x = tl.load(x_at + first, mask=(m < x_rows)[:, None] & inside[None, :], other=0)
        w = tl.load(w_at + first, mask=(n < w_rows)[None, :] & inside[:, None], other=0)
        if CHUNK == 0:
            sums = tl.dot(x, w, sums, out_dtype=tl.int32)
        else:
            part = tl.dot(x.to(KIND), w.to(tl.float32).to(KIND), part, input_precision="ieee")
            if (first + BK) % CHUNK == 0:
                sums += part.to(tl.int32)
                part = tl.zeros((BM, BN), dtype=tl.float32)
    if CHUNK != 0:
        sums += part.to(tl.int32)
    return sums


@triton.jit
def tile_of(number, rows, cols, BM: tl.constexpr, BN: tl.constexpr, BAND: tl.constexpr):
    """Returns row and column of a tile; bands of rows go together, so that w stays cached."""
    row_tiles, col_tiles = tl.cdiv(rows, BM), tl.cdiv(cols, BN)
    band = number // (BAND * col_tiles)
    height = min(row_tiles - band * BAND, BAND)
    inner = number % (BAND * col_tiles)
    return band * BAND + inner % height, inner // height


@triton.jit
def sums_kernel(x_ptr, w_ptr, out_ptr, rows, cols, depth, CHUNK: tl.constexpr, BM: tl.constexpr,
                BN: tl.constexpr, BK: tl.constexpr, BAND: tl.constexpr,
                KIND: tl.constexpr):  # fmt: skip
    """Sets out, int32, to x·wᵀ."""
    row, col = tile_of(tl.program_id(0), rows, cols, BM, BN, BAND)
    m, n = row * BM + tl.arange(0, BM), col * BN + tl.arange(0, BN)
    sums = _dot(x_ptr, w_ptr, m, n, rows, cols, depth, CHUNK, BM, BN, BK, KIND)
    at = m.to(tl.int64)[:, None] * cols + n[None, :]
    tl.store(out_ptr + at, sums, mask=(m < rows)[:, None] & (n < cols)[None, :])


@triton.jit
def linear_kernel(x_ptr, w_ptr, out_ptr, rows, cols, depth, BITS: tl.constexpr,
                  CHUNK: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
                  BAND: tl.constexpr, KIND: tl.constexpr):  # fmt: skip
    """Sets out, int8, to w8((x·wᵀ) >> BITS)."""
    row, col = tile_of(tl.program_id(0), rows, cols, BM, BN, BAND)
    m, n = row * BM + tl.arange(0, BM), col * BN + tl.arange(0, BN)
    sums = _dot(x_ptr, w_ptr, m, n, rows, cols, depth, CHUNK, BM, BN, BK, KIND)
    at = m.to(tl.int64)[:, None] * cols + n[None, :]
    tl.store(
        out_ptr + at, (sums >> BITS).to(tl.int8), mask=(m < rows)[:, None] & (n < cols)[None, :]
    )


@triton.jit
def gated_kernel(x_ptr, w_ptr, out_ptr, rows, cols, depth, BITS: tl.constexpr,
                 PRODUCT_BITS: tl.constexpr, CHUNK: tl.constexpr, BM: tl.constexpr,
                 BN: tl.constexpr, BK: tl.constexpr, BAND: tl.constexpr,
                 KIND: tl.constexpr):  # fmt: skip
    """Sets out, int8, to w8((gate·up) >> PRODUCT_BITS); w holds cols gates, then cols ups."""
    row, col = tile_of(tl.program_id(0), rows, cols, BM, BN, BAND)
    m, n = row * BM + tl.arange(0, BM), col * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    x_at = x_ptr + m.to(tl.int64)[:, None] * depth + k[None, :]
    gate_at = w_ptr + n.to(tl.int64)[None, :] * depth + k[:, None]
    up_at = gate_at + cols.to(tl.int64) * depth
    gates = tl.zeros((BM, BN), dtype=tl.int32)
    ups = tl.zeros((BM, BN), dtype=tl.int32)
    gate_part = tl.zeros((BM, BN), dtype=tl.float32)
    up_part = tl.zeros((BM, BN), dtype=tl.float32)
    for first in range(0, depth, BK):
        inside = first + k < depth
        w_mask = (n < cols)[None, :] & inside[:, None]
        x = tl.load(x_at + first, mask=(m < rows)[:, None] & inside[None, :], other=0)
        gate = tl.load(gate_at + first, mask=w_mask, other=0)
        up = tl.load(up_at + first, mask=w_mask, other=0)
        if CHUNK == 0:
            gates = tl.dot(x, gate, gates, out_dtype=tl.int32)
            ups = tl.dot(x, up, ups, out_dtype=tl.int32)
        else:
            gate_part = tl.dot(
                x.to(KIND), gate.to(tl.float32).to(KIND), gate_part, input_precision="ieee"
            )
            up_part = tl.dot(
                x.to(KIND), up.to(tl.float32).to(KIND), up_part, input_precision="ieee"
            )
            if (first + BK) % CHUNK == 0:
                gates += gate_part.to(tl.int32)
                ups += up_part.to(tl.int32)
                gate_part = tl.zeros((BM, BN), dtype=tl.float32)
                up_part = tl.zeros((BM, BN), dtype=tl.float32)
    if CHUNK != 0:
        gates += gate_part.to(tl.int32)
        ups += up_part.to(tl.int32)
    gate_bytes = (gates >> BITS).to(tl.int8).to(tl.int32)
    up_bytes = (ups >> BITS).to(tl.int8).to(tl.int32)
    out = ((gate_bytes * up_bytes) >> PRODUCT_BITS).to(tl.int8)
    at = m.to(tl.int64)[:, None] * cols + n[None, :]
    tl.store(out_ptr + at, out, mask=(m < rows)[:, None] & (n < cols)[None, :])


@triton.jit
def attention_kernel(q_ptr, k_ptr, v_ptr, out_ptr, queries, positions, heads, group, width,
                     q_nonce, q_row, k_nonce, k_row, v_nonce, v_row, BITS: tl.constexpr,
                     PRODUCT_BITS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
                     BE: tl.constexpr):  # fmt: skip
    """Sets out, int8 [B, Q, D], to the attention of the last Q positions.

    A program makes BM queries of one head, BE columns of it. There is no softmax, so that the
    wrapped scores of a tile go straight into the next product.
    """
    nonce, head = (tl.program_id(0) // heads).to(tl.int64), tl.program_id(0) % heads
    i = tl.program_id(1) * BM + tl.arange(0, BM)
    e = tl.program_id(2) * BE + tl.arange(0, BE)
    inner = tl.arange(0, BE)
    q_at = q_ptr + nonce * q_nonce + head * width
    k_at = k_ptr + nonce * k_nonce + head // group * width
    v_at = v_ptr + nonce * v_nonce + head // group * width
    place = i + positions - queries
    out = tl.zeros((BM, BE), dtype=tl.int32)
    for first in range(0, min(positions, (tl.program_id(1) + 1) * BM + positions - queries), BN):
        j = first + tl.arange(0, BN)
        scores = tl.zeros((BM, BN), dtype=tl.int32)
        for depth in range(0, width, BE):
            c = depth + inner
            q = tl.load(q_at + i[:, None] * q_row + c[None, :],
                        mask=(i < queries)[:, None] & (c < width)[None, :], other=0)  # fmt: skip
            k = tl.load(k_at + j[None, :] * k_row + c[:, None],
                        mask=(j < positions)[None, :] & (c < width)[:, None], other=0)  # fmt: skip
            scores = tl.dot(q, k, scores, out_dtype=tl.int32)
        p = (scores >> BITS).to(tl.int8)
        p = tl.where(j[None, :] <= place[:, None], p, 0).to(tl.int8)
        v = tl.load(v_at + j[:, None] * v_row + e[None, :],
                    mask=(j < positions)[:, None] & (e < width)[None, :], other=0)  # fmt: skip
        out = tl.dot(p, v, out, out_dtype=tl.int32)
    at = (nonce * queries + i[:, None]) * (heads * width) + head * width + e[None, :]
    tl.store(out_ptr + at, (out >> PRODUCT_BITS).to(tl.int8),
             mask=(i < queries)[:, None] & (e < width)[None, :])  # fmt: skip


@triton.jit
def _philox(block, key0, key1, c2, c3):
    """Returns the four words of a block of a stream; block int64, the rest uint32."""
    c0 = (block & 0xFFFFFFFF).to(tl.uint32)
    c1 = (block >> 32).to(tl.uint32)
    c2, c3 = c2 + tl.zeros_like(c0), c3 + tl.zeros_like(c0)
    first, second = tl.full((1,), 0xD2511F53, tl.uint32), tl.full((1,), 0xCD9E8D57, tl.uint32)
    weyl0, weyl1 = tl.full((1,), 0x9E3779B9, tl.uint32), tl.full((1,), 0xBB67AE85, tl.uint32)
    first, second = first + tl.zeros_like(c0), second + tl.zeros_like(c0)
    key0, key1 = key0 + tl.zeros_like(c0), key1 + tl.zeros_like(c0)
    for _ in tl.static_range(10):  # pyright: ignore[reportGeneralTypeIssues]
        high0, low0 = tl.umulhi(c0, first), c0 * first
        high1, low1 = tl.umulhi(c2, second), c2 * second
        c0, c1, c2, c3 = high1 ^ c1 ^ key0, low1, high0 ^ c3 ^ key1, low0
        key0, key1 = key0 + weyl0, key1 + weyl1
    return c0, c1, c2, c3


@triton.jit
def _as_weights(word):
    """Returns four bytes with each 0x80 replaced by 0.

    y has a zero byte where the word has 0x80; adding 0x7F to the low seven bits carries into
    the high bit unless they are zero, so that t's high bit is clear just there.
    """
    low = tl.full((1,), 0x7F7F7F7F, tl.uint32) + tl.zeros_like(word)
    high = tl.full((1,), 0x80808080, tl.uint32) + tl.zeros_like(word)
    y = word ^ high
    t = ((y & low) + low) | y
    return word ^ (~t & high)


@triton.jit
def fill_words_kernel(out_ptr, seed_ptr, seed_step, first, step, words, WEIGHTS: tl.constexpr,
                      BLOCKS: tl.constexpr):  # fmt: skip
    """Fills a row of uint32 words, where rows begin and end with blocks of the stream."""
    row = tl.program_id(1).to(tl.int64)
    seed = seed_ptr + row * seed_step
    number = tl.program_id(0).to(tl.int64) * BLOCKS + tl.arange(0, BLOCKS)
    block = (first + row * step) // 16 + number
    w0, w1, w2, w3 = _philox(
        block, tl.load(seed), tl.load(seed + 1), tl.load(seed + 2), tl.load(seed + 3)
    )
    if WEIGHTS:
        w0, w1, w2, w3 = _as_weights(w0), _as_weights(w1), _as_weights(w2), _as_weights(w3)
    # Joined, the four words of a block lie side by side: one store of 16 bytes a thread.
    together = tl.join(tl.join(w0, w2), tl.join(w1, w3))
    together = tl.reshape(together, (BLOCKS * 4,))
    at = tl.program_id(0).to(tl.int64) * (BLOCKS * 4) + tl.arange(0, BLOCKS * 4)
    tl.store(out_ptr + row * words + at, together, mask=at < words)


@triton.jit
def fill_bytes_kernel(out_ptr, seed_ptr, seed_step, first, step, width, WEIGHTS: tl.constexpr,
                      BYTES: tl.constexpr):  # fmt: skip
    """Fills a row of bytes wherever it begins; every byte makes its block, 16 times the work."""
    row = tl.program_id(1).to(tl.int64)
    seed = seed_ptr + row * seed_step
    n = tl.program_id(0).to(tl.int64) * BYTES + tl.arange(0, BYTES)
    place = first + row * step + n
    w0, w1, w2, w3 = _philox(
        place // 16, tl.load(seed), tl.load(seed + 1), tl.load(seed + 2), tl.load(seed + 3)
    )
    part = place % 16 // 4
    word = tl.where(part == 0, w0, tl.where(part == 1, w1, tl.where(part == 2, w2, w3)))
    if WEIGHTS:
        word = _as_weights(word)
    byte = (word >> (place % 4 * 8).to(tl.uint32)) & 0xFF
    tl.store(out_ptr + row * width + n, byte.to(tl.uint8), mask=n < width)
