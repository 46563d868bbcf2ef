"""A davstore that only adds: `python -m tests.catalog.adding_process STATE URL [DATABASE]`.

It runs until it is killed. The service is Real-Debrid: what is added twice stands there twice.
"""

import sys
import time
from pathlib import Path

from pydantic import SecretStr

from davstore.catalog import Adder, Additions, open_database
from davstore.config import Database
from davstore.stores.realdebrid import RealDebrid, Settings


def main() -> None:
    state, url, *address = sys.argv[1:]
    database = Database(SecretStr(address[0])) if address else None
    additions = Additions(open_database(Path(state), time.time, database=database))
    settings = Settings.model_validate({"store": "realdebrid", "token": "x", "url": url})
    store = RealDebrid("rd", settings)
    store.add_pause = 0.0
    adder = Adder(store, additions, known=lambda _: False, refresh=lambda: None)
    print("adding", flush=True)
    while True:
        time.sleep(adder.turn())


if __name__ == "__main__":
    main()
