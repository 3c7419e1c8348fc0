"""Deflate for bytes that are smooth or empty: one Huffman code, and runs as the only matches.

DEFLATE Compressed Data Format Specification (RFC 1951): a stream is one final block of type 2
(section 3.2.7). Its only distance is 1, that is, a match repeats the last byte. A run is looked
for where three bytes in a row equal the one before, a rare event and therefore a cheap test; zlib
asks at every byte where the last similar ones were, which is most of its time.

A *token* is a byte (0 to 255), the end (256), or a run of 3 to 258 bytes (259 to 514). A *symbol*
is what has a Huffman code: bytes and end as they are, runs in 29 groups with extra bits.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint8, uint16, uint32, uint64, uintp
from numba.types import UniTuple

from fexdata.faces.kernels import kernel, readonly

PADDING: Final = 8
"""The data's buffer must be a multiple of this long: runs are followed in words of eight bytes."""

_END: Final = 256
_TOKENS: Final = 515
_SYMBOLS: Final = 286
_LONGEST_RUN: Final = 258
_DEEPEST: Final = 15
"""No code is longer than this many bits."""
_DEEPEST_OF_LENGTHS: Final = 7
"""No code of the code that the code lengths are written in is."""
_SPARE_WORDS: Final = 256
"""Room for the block's header, which takes at most 3 + 14 + 57 + 287 · 14 bits."""


def _symbols_of_tokens() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """RFC 1951, 3.2.5: every token's symbol, its number of extra bits, and their value; (515,) int64 each."""
    symbol, bits, value = np.arange(_TOKENS), np.zeros(_TOKENS, np.int64), np.zeros(_TOKENS, np.int64)
    run = 3
    for group in range(28):
        extra = max(group // 4 - 1, 0)
        tokens = slice(256 + run, 256 + run + 2**extra)
        symbol[tokens], bits[tokens], value[tokens] = 257 + group, extra, np.arange(2**extra)
        run += 2**extra
    symbol[-1], bits[-1], value[-1] = 285, 0, 0
    return symbol, bits, value


_SYMBOL, _EXTRA_BITS, _EXTRA = _symbols_of_tokens()
_ORDER = np.array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15], np.int64)
"""RFC 1951, 3.2.7: the order in which the lengths of the code lengths' own code are written."""


def deflate(data: np.ndarray, size: int) -> bytes:
    """The first `size` bytes of `data` (uint8, one axis, a multiple of `PADDING` long) as a deflate stream."""
    if data.dtype != np.uint8 or data.ndim != 1 or len(data) % PADDING or not 0 < size <= len(data):
        raise ValueError(f"data: expected bytes, a multiple of {PADDING} and at least {size}, got {data.shape}")
    # A code of 15 bits for every byte is the worst there can be.
    out = np.empty(size // 2 + _SPARE_WORDS, np.uint32)
    length = _deflate(data, data.view(np.uint64), np.uintp(size), out)
    return out.astype("<u4", copy=False).tobytes()[:length]


@kernel(readonly(uint8, 1), readonly(uint64, 1), uintp, uintp, uintp, returns=uintp, inline=True)
def _run_end(data: np.ndarray, words: np.ndarray, value: np.uintp, start: np.uintp, end: np.uintp) -> np.uintp:
    """Where, from `start` to `end`, the first byte is that is not `value`; `words` are the data, eight by eight."""
    one, eight = np.uintp(1), np.uintp(8)
    word = min((start + np.uintp(7)) // eight * eight, end)
    while start < word and data[start] == value:
        start += one
    if start == word:
        same = np.uint64(value) * np.uint64(0x0101010101010101)
        while start + eight <= end and words[start // eight] == same:
            start += eight
        while start < end and data[start] == value:
            start += one
    return start


@kernel(readonly(uint8, 1), readonly(uint64, 1), uintp, uint16[::1], int64[:, ::1], returns=uintp)
def _tokenise(data: np.ndarray, words: np.ndarray, size: np.uintp, tokens: np.ndarray, counts: np.ndarray) -> np.uintp:
    """Writes the tokens of `data` and how often each occurs, in two tables (2, 515) to be added: equal
    tokens often follow each other, and each would wait for the count before. Returns how many."""
    one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
    value = np.uintp(data[0])
    tokens[0] = value
    counts[0, value] += 1
    place, count = one, one
    while place < size:
        before, value = value, np.uintp(data[place])
        if place + two < size and (value == before) & (data[place + one] == value) & (data[place + two] == value):
            end = _run_end(data, words, value, place + three, min(place + np.uintp(_LONGEST_RUN), size))
            token = np.uintp(256) + end - place
            place = end
        else:
            token = value
            place += one
        tokens[count] = token
        counts[count & one, token] += 1
        count += one
    return count


@kernel(int64[::1], int64)
def _shorten(lengths: np.ndarray, deepest: int) -> None:
    """Makes no code longer than `deepest`, and the code complete again: the sum of 2^-length is 1.

    `lengths` run from the rarest symbol to the most frequent. Rare ones pay, frequent ones gain
    what is left over.
    """
    whole, total = 1 << deepest, 0
    for i in range(len(lengths)):
        lengths[i] = min(lengths[i], deepest)
        total += whole >> lengths[i]
    for i in range(len(lengths)):
        while total > whole and lengths[i] < deepest:
            lengths[i] += 1
            total -= whole >> lengths[i]
    for i in range(len(lengths) - 1, -1, -1):
        while total + (whole >> lengths[i]) <= whole:
            total += whole >> lengths[i]
            lengths[i] -= 1


@kernel(int64[::1], int64, returns=int64[::1])
def _code_lengths(counts: np.ndarray, deepest: int) -> np.ndarray:
    """Lengths of a Huffman code, in bits, at most `deepest`, from how often the symbols occur; 0 for
    those that never do. At least two must.

    Moffat and Katajainen, In-place calculation of minimum-redundancy codes (WADS 1995): `a` holds
    first weights from the rarest on, then where in the tree each node's parent is, then depths.
    """
    lengths = np.zeros(len(counts), np.int64)
    present = np.flatnonzero(counts)
    ranked = np.sort(counts[present] * len(counts) + present)  # by count, then by symbol
    a, symbols, n = ranked // len(counts), ranked % len(counts), len(ranked)
    root, leaf = 0, 0
    for node in range(n - 1):
        weight = 0
        for _ in range(2):
            if leaf >= n or (root < node and a[root] < a[leaf]):
                weight += a[root]
                a[root] = node
                root += 1
            else:
                weight += a[leaf]
                leaf += 1
        a[node] = weight
    a[n - 2] = 0
    for node in range(n - 3, -1, -1):
        a[node] = a[a[node]] + 1
    node, leaf, depth, free = n - 2, n - 1, 0, 1
    while free > 0:
        inner = 0
        while node >= 0 and a[node] == depth:
            inner += 1
            node -= 1
        for _ in range(free - inner):
            a[leaf] = depth
            leaf -= 1
        free, depth = 2 * inner, depth + 1
    _shorten(a, deepest)
    for i in range(n):
        lengths[symbols[i]] = a[i]
    return lengths


@kernel(int64[::1], returns=int64[::1])
def _codes(lengths: np.ndarray) -> np.ndarray:
    """The canonical code of these lengths (RFC 1951, 3.2.2), first bit lowest."""
    codes, code = np.zeros(len(lengths), np.int64), 0
    for bits in range(1, _DEEPEST + 1):
        code <<= 1
        for symbol in range(len(lengths)):
            if lengths[symbol] == bits:
                for bit in range(bits):
                    codes[symbol] |= ((code >> (bits - 1 - bit)) & 1) << bit
                code += 1
    return codes


@kernel(int64[::1], int64[:, ::1], returns=int64)
def _pack_lengths(lengths: np.ndarray, packed: np.ndarray) -> int:
    """Code lengths with their repetitions counted (RFC 1951, 3.2.7): rows of (symbol, extra bits,
    their value). Returns the number of rows."""
    rows, place = 0, 0
    while place < len(lengths):
        value, end = lengths[place], place + 1
        while end < len(lengths) and lengths[end] == value:
            end += 1
        run = end - place
        symbol, bits, extra = value, 0, 0
        if value == 0 and run >= 11:
            run = min(run, 138)
            symbol, bits, extra = 18, 7, run - 11
        elif value == 0 and run >= 3:
            symbol, bits, extra = 17, 3, run - 3
        elif run >= 3 and place > 0 and lengths[place - 1] == value:
            run = min(run, 6)
            symbol, bits, extra = 16, 2, run - 3
        else:
            run = 1
        packed[rows, 0], packed[rows, 1], packed[rows, 2] = symbol, bits, extra
        rows, place = rows + 1, place + run
    return rows


@kernel(int64[::1], int64[:, ::1], returns=int64)
def _header(lengths: np.ndarray, fields: np.ndarray) -> int:
    """The block's header as rows of (value, bits), from the symbols' code lengths. Returns their number."""
    used = len(lengths)
    while lengths[used - 1] == 0:
        used -= 1
    written = np.ones(used + 1, np.int64)  # the last is the one distance's
    written[:used] = lengths[:used]
    packed = np.empty((used + 1, 3), np.int64)
    rows = _pack_lengths(written, packed)
    counts = np.zeros(len(_ORDER), np.int64)
    for row in range(rows):
        counts[packed[row, 0]] += 1
    own = _code_lengths(counts, _DEEPEST_OF_LENGTHS)
    codes = _codes(own)
    shown = len(_ORDER)
    while own[_ORDER[shown - 1]] == 0:
        shown -= 1
    # The last block; type 2; how many symbols, distances and lengths of lengths follow.
    fields[0, 0], fields[0, 1] = 1 + (2 << 1), 3
    fields[1, 0], fields[1, 1] = (used - 257) + ((shown - 4) << 10), 14
    count = 2
    for i in range(shown):
        fields[count, 0], fields[count, 1] = own[_ORDER[i]], 3
        count += 1
    for row in range(rows):
        symbol = packed[row, 0]
        fields[count, 0] = codes[symbol] | (packed[row, 2] << own[symbol])
        fields[count, 1] = own[symbol] + packed[row, 1]
        count += 1
    return count


Place = tuple[np.uint64, np.uint64, np.uint64]
_Place = UniTuple(uint64, 3)


@kernel(uint32[::1], _Place, uint64, uint64, returns=_Place, inline=True)
def _write(out: np.ndarray, place: Place, value: np.uint64, width: np.uint64) -> Place:
    """Appends `width` bits, at most 32, to `out`. A place is the bits not written yet, how many they
    are, and which word of `out` they will lie in."""
    bits, held, word = place
    bits |= value << held
    held += width
    out[word] = np.uint32(bits & np.uint64(0xFFFFFFFF))
    full = held & np.uint64(32)  # 32 when the word is complete, else 0: this needs no branch
    return bits >> full, held - full, word + (full >> np.uint64(5))


@kernel(int64[::1], int64[::1], returns=uint64[::1])
def _patterns(lengths: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """What each token is written as: bits in the lower half, how many in the upper one."""
    patterns = np.empty(_TOKENS, np.uint64)
    for token in range(_TOKENS):
        length = lengths[_SYMBOL[token]]
        bits = codes[_SYMBOL[token]] | (_EXTRA[token] << length)
        run = token > _END  # its distance, 1, is one more bit: 0
        patterns[token] = bits | ((length + _EXTRA_BITS[token] + run) << 32)
    return patterns


@kernel(readonly(uint8, 1), readonly(uint64, 1), uintp, uint32[::1], returns=int64)
def _deflate(data: np.ndarray, words: np.ndarray, size: np.uintp, out: np.ndarray) -> int:
    """Writes the stream of `data[:size]`, low bits first, and returns its length in bytes."""
    tokens = np.empty(size + np.uintp(1), np.uint16)
    twice = np.zeros((2, _TOKENS), np.int64)
    count = _tokenise(data, words, size, tokens, twice)
    tokens[count] = _END
    counts = np.zeros(_SYMBOLS, np.int64)
    counts[_END] = 1
    for token in range(_TOKENS):
        counts[_SYMBOL[token]] += twice[0, token] + twice[1, token]
    lengths = _code_lengths(counts, _DEEPEST)
    patterns = _patterns(lengths, _codes(lengths))
    header = np.empty((2 + len(_ORDER) + _SYMBOLS + 1, 2), np.int64)
    place = (np.uint64(0), np.uint64(0), np.uint64(0))
    for i in range(_header(lengths, header)):
        place = _write(out, place, np.uint64(header[i, 0]), np.uint64(header[i, 1]))
    for i in range(count + np.uintp(1)):
        pattern = patterns[tokens[i]]
        place = _write(out, place, pattern & np.uint64(0xFFFFFFFF), pattern >> np.uint64(32))
    bits, held, word = place
    out[word] = np.uint32(bits)
    return int(word) * 4 + (int(held) + 7) // 8
