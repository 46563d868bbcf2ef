"""A store whose every look moves on by one step, and a davstore that does nothing but look.

`python -m tests.catalog.stepping STATE [DATABASE]` runs until it is killed. Whatever moment that
is, the catalog's marker must name the step whose truth (`truth`) it holds.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from davstore.catalog import Catalog, Records, open_database
from davstore.config import Database
from davstore.model import Account, File, Link, Magnet, Status
from davstore.stores.base import FileLists, Listing, News

SOURCE = "steps http://127.0.0.1"
WIDTH = 40


def truth(step: int) -> dict[str, int]:
    """What there is after so many steps: ids, and at which step each last changed.

    Every step changes one magnet; of every seventh, it removes it.
    """
    found: dict[str, int] = {}
    for at in range(max(1, step - 2 * WIDTH), step + 1):
        if at % 7:
            found[f"m{at % WIDTH}"] = at
        else:
            found.pop(f"m{at % WIDTH}", None)
    return found


class Stepping:
    """The store; its files' refs say of which step they are."""

    name = "steps"

    def magnets(self) -> Listing:
        raise NotImplementedError

    def changes(self, marker: str, known: Mapping[str, Magnet]) -> News:
        step = int(marker or 0) + 1
        rows = tuple(
            Magnet(id_, f"Magnet {id_}", Status.READY, str(at), added=1.0)
            for id_, at in truth(step).items()
            if at == step or not marker
        )
        gone = frozenset(set(known) - set(truth(step)))
        return News(rows, str(step), complete=not marker, gone=gone)

    def files(self, magnets: Sequence[Magnet]) -> FileLists:
        for magnet in magnets:
            yield (
                magnet,
                tuple(
                    File(f"{at}.mkv", f"{magnet.id} {magnet.fingerprint} {at}", 1)
                    for at in range(int(magnet.fingerprint) % 5 + 1)
                ),
            )

    def link(self, file: File) -> Link:
        raise NotImplementedError

    def account(self) -> Account:
        raise NotImplementedError

    def close(self) -> None:
        pass


def main() -> None:
    state, *address = sys.argv[1:]
    database = Database(SecretStr(address[0])) if address else None
    engine = open_database(Path(state), time.time, database=database)
    catalog = Catalog.opened(
        {"steps": Stepping()}, {"steps": SOURCE}, Records(engine), interval=60, removal_share=1
    )
    print("stepping", flush=True)
    while True:
        catalog.refresh("steps")


if __name__ == "__main__":
    main()
