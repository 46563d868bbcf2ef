"""The files in docker/ for Prometheus and Grafana speak of metrics that there are."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from davstore.dashboard.metrics import PREFIX
from davstore.tally import KINDS
from tests.dashboard.scenes import Desk, scene

DOCKER = Path(__file__).parent.parent / "docker"


def known() -> set[str]:
    said = Desk(scene()).get("/metrics").text
    told = {f.name for f in text_string_to_metric_families(said)}
    ends = ("_total",), ("_bucket", "_sum", "_count")
    counted = {
        f"{PREFIX}{kind.name}{end}" for kind in KINDS for end in ends[1 if kind.bounds else 0]
    }
    return told | counted


def named(text: str) -> set[str]:
    return set(re.findall(rf"\b{PREFIX}[a-z_]+", text))


def test_the_alerts_speak_of_metrics_that_there_are() -> None:
    found = named((DOCKER / "alerts.yaml").read_text())
    assert found
    assert found <= known()


def test_the_dashboard_of_grafana_does_too() -> None:
    board = json.loads((DOCKER / "grafana.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert named("\n".join(expressions)) <= known()
    shown = named("\n".join(expressions))
    for kind in KINDS:
        if kind.name != "logins_refused":
            assert any(name.startswith(PREFIX + kind.name) for name in shown), kind.name
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


def test_prometheus_understands_the_files(need: Callable[..., None]) -> None:
    need("promtool")
    for what, name in (("rules", "alerts.yaml"), ("config", "prometheus.yaml")):
        check = ["promtool", "check", what, "--lint=all", str(DOCKER / name)]
        if what == "config":
            check.insert(3, "--syntax-only")
        done = subprocess.run(check, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
