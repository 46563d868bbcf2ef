"""Parts of a file: many small ranges, and how long the first byte takes."""

from functools import partial
from typing import Any

from tests.benchmarks.clients import ask
from tests.benchmarks.origins import FILM, FILM_SIZE
from tests.benchmarks.servers import Bench, Server
from tests.benchmarks.work import RANGE, Figures, Work, kept


def random_ranges(connections: int, bench: Bench, server: Server, number: int) -> Figures:
    """Closed 64 KiB ranges at random offsets on so many kept-alive connections."""
    before = server.usage().cpu
    answer = ask("ranges", url=server.url(FILM), size=FILM_SIZE, length=RANGE,
                 connections=connections, seconds=bench.scale.ranges, seed=number)  # fmt: skip
    cpu = server.usage().cpu - before
    return {
        "requests/s": answer["requests"] / answer["seconds"],
        "upstream ×": bench.origins.sent() / answer["bytes"],
        **({"CPU ms": 1000 * cpu / max(1, answer["requests"])} if server.program else {}),
    }


def first_byte(bench: Bench, server: Server, number: int) -> Figures:
    """From the request to the first byte: a closed range, and a player's open one."""
    parameters: dict[str, Any] = {
        "url": server.url(FILM),
        "size": FILM_SIZE,
        "count": bench.scale.first_bytes,
        "seconds": 30,
    }
    closed = ask("first_bytes", **parameters, length=RANGE, seed=number)
    opened = ask("first_bytes", **parameters, length=0, seed=number + 1000)
    bench.origins.sent()
    return {"ms, 64 KiB": closed["ms"], "ms, open range": opened["ms"]}


def works() -> list[Work]:
    """All of these."""
    found = []
    for suffix, origin, where in (
        ("", "http", "beside it, http"),
        ("-far", "far", "30 ms away, https"),
    ):
        servers: tuple[str, ...] = ("nginx", "rclone", "rclone off", "davstore")
        if origin == "http":
            servers = ("direct", *servers)
        for connections in (1, 16):
            counted = "" if connections == 1 else f"-{connections}"
            found.append(
                Work(
                    f"ranges{suffix}{counted}",
                    f"random 64 KiB ranges, {connections} connections, {where}",
                    servers,
                    kept(origin, partial(random_ranges, connections)),
                )
            )
        title = f"first byte of a warm link, {where}"
        found.append(Work(f"first-byte{suffix}", title, servers, kept(origin, first_byte)))
    return found
