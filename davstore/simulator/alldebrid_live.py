"""AllDebrid's live mode: a client that keeps count is told only what changed."""

from collections.abc import Set
from typing import Any

from davstore.simulator.alldebrid_shapes import shaped

Rows = dict[int, dict[str, Any]]


class LiveMode:
    """The state of each session that clients have begun."""

    def __init__(self) -> None:
        self._sessions: dict[str, tuple[int, Rows]] = {}

    def answer(
        self, session: str, counter: str, rows: list[dict[str, Any]], odd: Set[str]
    ) -> dict[str, Any]:
        """Everything to a client that is new or out of step, otherwise the differences.

        A removed magnet is a stub with `deleted`; one changed magnet may be a bare object.
        """
        now = {row["id"]: row for row in rows}
        expected, before = self._sessions.get(session, (0, {}))
        if not expected or counter != str(expected):
            self._sessions[session] = (1, now)
            return {"counter": 1, "fullsync": True, "magnets": rows}
        self._sessions[session] = (expected + 1, now)
        return {"counter": expected + 1, "magnets": shaped(_changes(before, now), odd)}


def _changes(before: Rows, now: Rows) -> list[dict[str, Any]]:
    changed = []
    for number, row in now.items():
        known = before.get(number, {})
        members = {key: value for key, value in row.items() if known.get(key, ...) != value}
        if members:
            changed.append({"id": number} | members)
    gone = [{"id": number, "deleted": True} for number in before if number not in now]
    return changed + gone
