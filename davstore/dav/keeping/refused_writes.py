"""A DELETE that follows a refused PUT does nothing, wherever something may stand."""

from wsgidav.dav_error import HTTP_FORBIDDEN, DAVError

from davstore.dav.keeping.keeping import Keeping

ROOM = 8 * 2**20
REFUSED_FOR = 60.0
"""Seconds after a refused PUT in which a DELETE of the same path is taken for its tidying up."""


class RefusedWrites:
    """The paths at which a PUT was refused lately, by user, `kept` for all processes.

    rclone deletes what it could not write: where something stood already, that would be it.
    """

    def __init__(self, kept: Keeping) -> None:
        self._paths = kept

    def note(self, user: str, path: str) -> None:
        """A PUT at `path` is being refused."""
        self._paths.set((user, path.rstrip("/")), 1, expire=REFUSED_FOR)

    def forget(self, user: str, path: str) -> None:
        """One has succeeded since."""
        self._paths.delete((user, path.rstrip("/")))

    def check_delete(self, user: str, path: str) -> None:
        """Raises 403 for a DELETE that comes too soon after a refusal."""
        if (user, path.rstrip("/")) in self._paths:
            raise DAVError(
                HTTP_FORBIDDEN,
                "Nothing is deleted: writing here was refused less than a minute ago.",
            )

    def close(self) -> None:
        """Let go of them."""
        self._paths.close()
