"""The files in docker/ for Prometheus and Grafana speak of metrics that there are."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml
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


def test_prometheus_understands_what_grafana_asks(
    need: Callable[..., None], tmp_path: Path
) -> None:
    need("promtool")
    board = json.loads((DOCKER / "grafana.json").read_text())
    asked = [target["expr"].replace("$__rate_interval", "5m")
             for panel in board["panels"] for target in panel["targets"]]  # fmt: skip
    rules = [{"record": f"panel:{at}", "expr": expression} for at, expression in enumerate(asked)]
    (tmp_path / "asked.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "grafana", "rules": rules}]})
    )
    promtool("check", "rules", str(tmp_path / "asked.yaml"))


def test_what_grafana_names_its_lines_by_are_labels_that_there_are() -> None:
    """A line that is named by an account has one, and is the same for several machines."""
    labels = {kind.name: {"process", *kind.labels} for kind in KINDS}
    board = json.loads((DOCKER / "grafana.json").read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            named_by = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
            kept = {
                label
                for group in re.findall(r" by \(([^)]+)\)", target["expr"])
                for label in group.split(", ")
            }
            assert named_by <= kept, panel["title"]
            known_labels = {
                label
                for name in named(target["expr"])
                for kind, each in labels.items() if name.startswith(PREFIX + kind)
                for label in each
            }  # fmt: skip
            assert not known_labels or kept <= known_labels | {"le"}, panel["title"]


def test_the_alerts_call_when_they_should_and_say_so(need: Callable[..., None]) -> None:
    need("promtool")
    promtool("test", "rules", str(Path(__file__).with_name("alerts.yaml")))
    rules = yaml.safe_load((DOCKER / "alerts.yaml").read_text())["groups"][0]["rules"]
    tested = (Path(__file__).with_name("alerts.yaml")).read_text()
    assert all(f"alertname: {rule['alert']}\n" in tested for rule in rules)


def test_prometheus_understands_the_files(need: Callable[..., None]) -> None:
    need("promtool")
    promtool("check", "rules", "--lint=all", str(DOCKER / "alerts.yaml"))
    promtool("check", "config", "--syntax-only", "--lint=all", str(DOCKER / "prometheus.yaml"))


def promtool(*words: str) -> None:
    done = subprocess.run(["promtool", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
