"""`/-/metrics` for Prometheus. Each process of the server has its own numbers and a label for them,
so that one that is replaced begins anew without spoiling the others'.
"""

from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment as Environ

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from davstore.dashboard.scene import AccountScene, Process, Scene
from davstore.tally import KINDS, Counted, Kind

PREFIX = "davstore_"


def metrics(scene: Scene, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A WSGI response with all numbers, in the format that is asked for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(scene))
    encode, kind = choose_encoder(environ.get("HTTP_ACCEPT", ""))
    body: bytes = encode(registry)
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body))),
                              ("Cache-Control", "no-store")])  # fmt: skip
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


class _Numbers(Collector):
    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def collect(self) -> Iterator[Metric]:
        yield from _build(self._scene)
        for kind in KINDS:
            yield _family(kind, self._scene.processes)
        yield from _of_processes(self._scene.processes)
        yield from _of_accounts(self._scene)


def _build(scene: Scene) -> Iterator[Metric]:
    built = GaugeMetricFamily(f"{PREFIX}build_info", "Which davstore this is.", labels=["version"])
    built.add_metric([scene.version], 1)
    yield built


def _family(kind: Kind, processes: Iterable[Process]) -> Metric:
    labels = ["process", *kind.labels]
    name = PREFIX + kind.name
    if kind.bounds:
        histogram = HistogramMetricFamily(name, kind.meaning, labels=labels)
        for process in processes:
            for values in _labels(process.counted, f"{kind.name}.sum"):
                buckets, total = _buckets(process.counted, kind, values)
                histogram.add_metric([process.number, *values], buckets, total)
        return histogram
    counter = CounterMetricFamily(name, kind.meaning, labels=labels)
    for process in processes:
        for values in _labels(process.counted, kind.name):
            counter.add_metric([process.number, *values], process.counted[kind.name, values])
    return counter


def _labels(counted: Counted, name: str) -> list[tuple[str, ...]]:
    return sorted(labels for each, labels in counted if each == name)


def _buckets(
    counted: Counted, kind: Kind, labels: tuple[str, ...]
) -> tuple[list[tuple[str, float]], float]:
    below, buckets = 0.0, []
    for bound in (*map(str, kind.bounds), "+Inf"):
        below += counted.get((f"{kind.name}.le.{bound}", labels), 0)
        buckets.append((bound, below))
    return buckets, counted[f"{kind.name}.sum", labels]


def _of_processes(processes: Iterable[Process]) -> Iterator[Metric]:
    streams = GaugeMetricFamily(f"{PREFIX}streams", "Files being read now.", labels=["process"])
    clients = GaugeMetricFamily(f"{PREFIX}clients", "Clients connected.", labels=["process"])
    started = GaugeMetricFamily(
        f"{PREFIX}start_time_seconds", "When the process began.", labels=["process"]
    )
    used = GaugeMetricFamily(
        f"{PREFIX}upstream_connections", "Connections to file hosts in use.",
        labels=["process", "account"],
    )  # fmt: skip
    for process in processes:
        streams.add_metric([process.number], len(process.readings))
        clients.add_metric([process.number], process.clients)
        started.add_metric([process.number], process.started)
        for account, number in process.connections.items():
            used.add_metric([process.number, account], number)
    yield from (streams, clients, started, used)


_ACCOUNT: dict[str, tuple[str, Callable[[AccountScene, float], float | None]]] = {
    "refresh_age_seconds": (
        "Time since the service last confirmed what is known.",
        lambda account, now: now - account.taken if account.taken else None,
    ),
    "catalog_magnets": ("Magnets known.", lambda account, _: account.magnets),
    "catalog_files": ("Files shown.", lambda account, _: account.files),
    "catalog_bytes": ("Bytes of the files known.", lambda account, _: account.bytes),
    "catalog_waiting": (
        "Magnets whose files are still to be asked.", lambda account, _: account.waiting,
    ),
    "removals_held_back": (
        "Magnets said to be gone that is not believed.", lambda account, _: account.doubted,
    ),
    "account_failing": (
        "1 while the service could not be asked.", lambda account, _: float(bool(account.error)),
    ),
    "account_paid_until_seconds": (
        "Until when the account is paid.",
        lambda account, _: account.who.paid_until if account.who else None,
    ),
}  # fmt: skip


def _of_accounts(scene: Scene) -> Iterator[Metric]:
    for name, (meaning, value) in _ACCOUNT.items():
        family = GaugeMetricFamily(PREFIX + name, meaning, labels=["account"])
        for account in scene.accounts:
            number = value(account, scene.now)
            if number is not None:
                family.add_metric([account.name], number)
        yield family
    left = GaugeMetricFamily(
        f"{PREFIX}quota_left", "What is left of a quota.", labels=["account", "quota", "unit"]
    )
    for account in scene.accounts:
        for quota in account.who.quotas if account.who else ():
            if quota.left is not None:
                left.add_metric([account.name, quota.name, quota.unit], quota.left)
    yield left
