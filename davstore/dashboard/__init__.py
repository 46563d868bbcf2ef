"""Pages under `/-/` for who looks after the server: sees values only, never the app.

`health` says whether it is alive and ready.
"""

from davstore.dashboard.health import healthy, ready

__all__ = ["healthy", "ready"]
