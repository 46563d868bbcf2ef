"""Pages under `/-/` for who looks after the server, and for who adds things: sees values only,
never the app.

`scene` is what there is to show, `sections` makes it fit for people (`words`, `charts`) and
`templates/` (`frame`), `adding` what the page for adding needs, `desk` answers requests and has
things done (`forms`, `tokens`), `metrics` is the same for Prometheus. `health` says whether it is
alive and ready.
"""

from davstore.dashboard.adding import Found, Intake, Offer, Sees, Shelved
from davstore.dashboard.desk import Action, Dashboard
from davstore.dashboard.forms import Form
from davstore.dashboard.health import healthy, ready
from davstore.dashboard.scene import AccountScene, Process, Queued, Scene, Trashed
from davstore.dashboard.tokens import Tokens, kept_key, new_key

__all__ = [
    "AccountScene",
    "Action",
    "Dashboard",
    "Form",
    "Found",
    "Intake",
    "Offer",
    "Process",
    "Queued",
    "Scene",
    "Sees",
    "Shelved",
    "Tokens",
    "Trashed",
    "healthy",
    "kept_key",
    "new_key",
    "ready",
]
