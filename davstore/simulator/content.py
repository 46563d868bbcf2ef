"""What files hold: deterministic bytes of any size that nobody has to store, or real ones.

Every byte depends on the seed and on its position, so that a wrong file, a wrong offset and
a skipped block all show when bytes are compared.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

BLOCK = 64 * 1024
_POOL = 1024 * 1024
# Odd, so that n * _STEP mod _POOL takes every value once: no two of 2**20 blocks are equal.
# Far from 0 and _POOL, so that neighbouring blocks do not overlap in the pool.
_STEP = 421_337


class Content:
    """The bytes of one file; `size` in bytes."""

    size: int

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end."""
        raise NotImplementedError

    def sha256(self) -> str:
        """The hex digest of everything; remembered, since big contents take their time."""
        known: str | None = getattr(self, "_sha256", None)
        if known is None:
            digest = hashlib.sha256()
            for offset in range(0, self.size, 16 * BLOCK):
                digest.update(self.read(offset, 16 * BLOCK))
            known = self._sha256 = digest.hexdigest()
        return known

    @classmethod
    def random(cls, seed: int | str, size: int) -> "Content":
        """`size` pseudo-random bytes that are the same for the same `seed` on every machine."""
        return _Random(seed, size)

    @classmethod
    def of(cls, source: Path | str | bytes) -> "Content":
        """The bytes themselves, or those of the file at a path."""
        return _Bytes(source) if isinstance(source, bytes) else _OnDisk(Path(source))

    def __repr__(self) -> str:
        return f"<{type(self).__name__.strip('_')} content, {self.size} bytes>"


class _Bytes(Content):
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + max(0, length)]


class _OnDisk(Content):
    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def read(self, offset: int, length: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(max(0, length))


class _Random(Content):
    def __init__(self, seed: int | str, size: int) -> None:
        self._seed = str(seed)
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + max(0, length), self.size)
        if offset >= end:
            return b""
        pool = _pool(self._seed, self.size if self.size <= BLOCK else _POOL + BLOCK)
        if self.size <= BLOCK:
            return pool[offset:end]
        pieces = []
        while offset < end:
            number, inside = divmod(offset, BLOCK)
            start = _start(number)
            stop = min(BLOCK, inside + end - offset)
            pieces.append(pool[start + inside : start + stop])
            offset += stop - inside
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Random) and (self._seed, self.size) == (other._seed, other.size)

    def __hash__(self) -> int:
        return hash((self._seed, self.size))


def _start(number: int) -> int:
    """Where block `number` begins in the pool."""
    return (number * _STEP + (number >> 20) * 7919) % _POOL


@lru_cache(maxsize=48)
def _pool(seed: str, size: int) -> bytes:
    return hashlib.shake_256(seed.encode()).digest(size)
