"""Whole files: one stream and several at once, and one from a slow host far away."""

from functools import partial

from tests.benchmarks.clients import ask
from tests.benchmarks.origins import CLIP, FILM, REEL
from tests.benchmarks.servers import Bench, Server
from tests.benchmarks.work import Figures, Work, kept

GiB = 1024**3


def downloaded(paths: list[str], bench: Bench, server: Server, number: int) -> Figures:
    """All of `paths` at once, whole or for as long as the scale allows."""
    del number
    before = server.usage().cpu
    urls = [server.url(path) for path in paths]
    answer = ask("download", urls=urls, seconds=bench.scale.download)
    cpu = server.usage().cpu - before
    return {
        "MB/s": answer["bytes"] / answer["seconds"] / 1e6,
        **({"CPU s/GiB": cpu / (answer["bytes"] / GiB)} if server.program else {}),
        "upstream ×": bench.origins.sent() / answer["bytes"],
    }


def works() -> list[Work]:
    """All of these."""
    found = []
    for word, paths, title in (
        ("one", [FILM], "one stream of 1 GiB"),
        ("four", [REEL.format(k) for k in range(1, 5)], "4 streams of 256 MiB at once"),
        ("sixteen", [REEL.format(k) for k in range(1, 17)], "16 streams of 256 MiB at once"),
    ):
        for origin in ("http", "https"):
            servers: tuple[str, ...] = ("nginx", "rclone", "davstore")
            if origin == "http":
                servers = ("direct", *servers)
            measure = partial(downloaded, paths)
            found.append(
                Work(f"{word}-{origin}", f"{title}, {origin}", servers, kept(origin, measure))
            )
    slow = kept("slow", partial(downloaded, [CLIP]))
    title = "one stream of 128 MiB, 30 ms away, 10 MB/s per connection, https"
    return [*found, Work("slow-host", title, ("nginx", "rclone", "davstore"), slow)]
