"""What Prometheus is told."""

import re
import subprocess
import threading
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from davstore.tally import FIRST_BYTE, KINDS, REQUESTS, SECONDS, Tally, added, total
from tests.dashboard.scenes import Desk, scene


def samples() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    said = Desk(scene()).get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(said) for sample in family.samples
    }  # fmt: skip


def value(name: str, **labels: str) -> float:
    return samples()[name, tuple(sorted(labels.items()))]


def test_each_process_has_its_own_numbers() -> None:
    for process in "01":
        assert value("davstore_stream_starts_total", process=process, account="rd") == 7
    assert value("davstore_streams", process="0") == 2
    assert value("davstore_upstream_connections", process="0", account="rd") == 15


def test_durations_are_in_buckets() -> None:
    labels = {"process": "0", "account": "rd"}
    assert value("davstore_first_byte_seconds_bucket", le="0.05", **labels) == 0
    assert value("davstore_first_byte_seconds_bucket", le="0.1", **labels) == 7
    assert value("davstore_first_byte_seconds_bucket", le="+Inf", **labels) == 7
    assert round(value("davstore_first_byte_seconds_sum", **labels), 6) == 0.49


def test_accounts_have_theirs() -> None:
    assert value("davstore_refresh_age_seconds", account="rd") == 40
    assert value("davstore_removals_held_back", account="ad") == 40
    assert value("davstore_account_failing", account="ad") == 1
    assert value("davstore_quota_left", account="rd", quota="traffic", unit="bytes") == 20e9


def test_replicas_are_counted() -> None:
    assert value("davstore_replicas") == 2
    assert value("davstore_replicas_apart") == 0


def test_the_format_is_the_one_that_is_asked_for() -> None:
    desk = Desk(scene())
    plain = desk.get("/metrics")
    assert plain.headers["Content-Type"].startswith("text/plain; version=")
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    opened = desk.client.get("/metrics", headers=accept)
    assert opened.headers["Content-Type"].startswith("application/openmetrics-text")
    assert opened.text.endswith("# EOF\n")


def test_prometheus_has_nothing_to_complain_of(need: Callable[..., None]) -> None:
    need("promtool")
    said = Desk(scene()).get("/metrics").text
    check = ["promtool", "check", "metrics"]
    done = subprocess.run(check, input=said, text=True, capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_labels_name_no_file_and_no_person() -> None:
    names = {name for labels in (kind.labels for kind in KINDS) for name in labels}
    assert names <= {"method", "status", "account", "kind", "from", "outcome", "found"}
    said = Desk(scene()).get("/metrics").text
    assert not re.search("anna|Sintel|cdn-7|debian", said)


def test_threads_are_added_up() -> None:
    one, two = Tally(), Tally()
    one.count(REQUESTS, "GET", "200")
    two.count(REQUESTS, "GET", "200", by=2)
    two.count(REQUESTS, "PUT", "201")
    both = added([one.read(), two.read()])
    assert total(both, REQUESTS) == 4
    assert total(both, REQUESTS, method="GET") == 3


def test_threads_that_have_ended_leave_their_numbers_behind_and_nothing_else() -> None:
    tally = Tally()
    for _ in range(50):
        thread = threading.Thread(target=tally.count, args=(REQUESTS, "GET", "200"))
        thread.start()
        thread.join()
    assert total(tally.read(), REQUESTS) == 50
    assert len(tally._shards) == 1


def test_a_duration_beyond_all_bounds_counts_too() -> None:
    tally = Tally()
    tally.time(FIRST_BYTE, SECONDS[-1] * 2, "rd")
    assert tally.read()["first_byte_seconds.le.+Inf", ("rd",)] == 1
