"""A davstore that does nothing but add: `python -m tests.catalog.adding_process STATE URL`.

It runs until it is killed. The service is Real-Debrid: what is added twice stands there twice.
"""

import sys
import time
from pathlib import Path

from davstore.catalog import Adder, Additions, open_database
from davstore.stores.realdebrid import RealDebrid, Settings


def main() -> None:
    additions = Additions(open_database(Path(sys.argv[1]), time.time))
    settings = Settings.model_validate({"store": "realdebrid", "token": "x", "url": sys.argv[2]})
    store = RealDebrid("rd", settings)
    store.add_pause = 0.0
    adder = Adder(store, additions, known=lambda _: False, refresh=lambda: None)
    print("adding", flush=True)
    while True:
        time.sleep(adder.turn())


if __name__ == "__main__":
    main()
