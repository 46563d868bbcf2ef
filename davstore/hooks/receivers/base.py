"""What every receiver promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from davstore.model import Change


@dataclass(frozen=True, slots=True)
class Message:
    """What is told: changes by the receiver's own paths. Told again, it has the same `id`."""

    id: str
    moment: float
    changes: Sequence[Change]

    def plain(self, kind: str) -> dict[str, Any]:
        """As webhooks and programs read it."""
        return {
            "type": kind,
            "timestamp": self.moment,
            "data": {"changes": [{"path": c.path, "was": c.was.value} for c in self.changes]},
        }


class Receiver(Protocol):
    """Somebody to be told. Both methods may take as long as the hook's `timeout` a call."""

    def tell(self, message: Message) -> None:
        """Say what has changed; may be told the same again. Raises `HookError`."""

    def test(self) -> str:
        """Look whether it could be told, changing nothing; what was found, for a person.

        Raises `HookError`.
        """

    def close(self) -> None:
        """Let go of all connections; may be called twice."""
