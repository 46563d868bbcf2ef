"""What `davstore status` says of what is to be added to an account."""

from collections.abc import Iterator, Sequence
from typing import Final

from davstore.catalog import Addition, State

MOST_REFUSED: Final = 10


def queue(additions: Sequence[Addition]) -> Iterator[str]:
    """What is to be added, and what was refused lately."""
    due = [one for one in additions if one.state in {State.WAITING, State.TRYING}]
    if due:
        yield f"to be added: {len(due)}, first {due[0].name!r}"
        if reason := next((one.reason for one in due if one.reason), ""):
            yield f"not added yet: {reason}"
    if choosing := sum(one.state is State.CHOOSING for one in additions):
        yield f"added, and not yet told which files are wanted: {choosing}"
    refused = [one for one in additions if one.state is State.REFUSED]
    for one in refused[:MOST_REFUSED]:
        yield f"refused: {one.name!r}: {one.reason}"
    if len(refused) > MOST_REFUSED:
        yield f"refused: {len(refused) - MOST_REFUSED} more; all stand in incoming, with the reason"
