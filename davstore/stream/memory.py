"""Bytes that all streams together hold for readers who have not taken them yet."""

CROWDED_WINDOWS = (128 * 1024, 64 * 1024, 32 * 1024)


class Memory:
    """A bound in bytes: reading ahead asks first, what has come already is only counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit

    def take(self, count: int) -> bool:
        """Whether `count` bytes may be used; to be given back."""
        if count > self._left:
            return False
        self._left -= count
        return True

    def hold(self, count: int) -> None:
        """`count` bytes are held whether there is room or not; to be given back."""
        self._left -= count

    def give(self, count: int) -> None:
        """Give bytes back."""
        self._left += count

    @property
    def crowded_window(self) -> int:
        """How much to fetch at once where many readers share few connections."""
        large, middle, small = CROWDED_WINDOWS
        if self._left > self._limit / 2:
            return large
        return middle if self._left > self._limit / 4 else small
