"""Pages under `/-/` for who looks after the server: sees values only, never the app.

`scene` is what there is to show, `sections` makes it fit for people (`words`, `charts`) and
`templates/`, `desk` answers requests and has things done (`tokens`), `metrics` is the same for
Prometheus. `health` says whether it is alive and ready.
"""

from davstore.dashboard.desk import Action, Dashboard
from davstore.dashboard.health import healthy, ready
from davstore.dashboard.scene import AccountScene, Process, Scene
from davstore.dashboard.sections import SECTIONS, Section
from davstore.dashboard.tokens import Tokens, kept_key, new_key

__all__ = [
    "SECTIONS",
    "AccountScene",
    "Action",
    "Dashboard",
    "Process",
    "Scene",
    "Section",
    "Tokens",
    "healthy",
    "kept_key",
    "new_key",
    "ready",
]
