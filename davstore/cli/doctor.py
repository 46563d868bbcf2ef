"""`davstore doctor`: looks at everything between the configuration and a film that plays."""

import json
import re
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.text import Text

from davstore import __version__, config
from davstore.catalog import Overviews, look_into
from davstore.cli.screen import ConfigFile, err, load, out
from davstore.config import Settings
from davstore.errors import ConfigError
from davstore.logs import redacted
from davstore.server.examining import Finding, examined
from davstore.server.watch import told_by_servers

_COLOURS: Final = {"ok": "green", "warning": "yellow", "wrong": "red"}
_MAIL = re.compile(r"[^\s\"'<>@]+@[^\s\"'<>@]+")
_QUOTED = re.compile(r"'[^'\n]*'")
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F]{0,4}(?::[\da-fA-F]{0,4}){2,7})"
)


def doctor(
    config: ConfigFile = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="Also write a zip for a report of a problem: no secrets, no names.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Find out what is wrong, and say the cure; reads 4 MiB from each account."""
    settings: Settings | None = None
    findings: list[Finding] = []
    try:
        settings = load(config)
    except ConfigError as error:
        for problem in error.problems:
            findings.append(Finding("configuration", "wrong", f"{problem.key}: {problem.found}",
                                    problem.cure))  # fmt: skip
            _show(findings[-1], quiet=as_json)
    if settings is not None:
        with err.status("looking …"):
            for finding in examined(settings):
                findings.append(finding)
                _show(finding, quiet=as_json)
    if as_json:
        out.print_json(_as_json(findings))
    if bundle is not None:
        _write(bundle, findings, settings)
        err.print(f"written: {bundle}; look into it before you send it", soft_wrap=True)
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


def _show(finding: Finding, *, quiet: bool) -> None:
    if quiet:
        return
    colour = _COLOURS[finding.state]
    line = Text.from_markup(f"[{colour}]{finding.state:8}[/]")
    line.append(f"{finding.subject:24} ", "bold")
    line.append(redacted(finding.said))
    if finding.cure:
        line.append_text(Text.from_markup(f" [dim]→ {escape(finding.cure)}[/]"))
    out.print(line, soft_wrap=True)


def _as_json(findings: Sequence[Finding]) -> str:
    return redacted(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))


def _unless_public(found: re.Match[str]) -> str:
    """An address of this network; others say where somebody lives."""
    try:
        return "…" if ip_address(found[0]).is_global else found[0]
    except ValueError:
        return found[0]


def _write(path: Path, findings: Sequence[Finding], settings: Settings | None) -> None:
    """Names of people and of what they watch stay out, as secrets do."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, text: str) -> None:
            text = _ADDRESS.sub(_unless_public, _MAIL.sub("…@…", redacted(text)))
            archive.writestr(name, _QUOTED.sub("'…'", text))

        put(
            "version.txt", f"davstore {__version__}\nwritten {time.strftime('%Y-%m-%d %H:%M:%S')}\n"
        )
        put("doctor.json", json.dumps([asdict(each) for each in findings], indent=1))
        if settings is None:
            return
        put("config.toml", config.effective(settings))
        engine = look_into(settings.server.state, settings.server.database)
        if engine is not None:
            known = [asdict(each) for each in Overviews(engine).accounts()]
            for each in known:
                del each["standing"]["marker"]  # the service's own words
            put("status.json", json.dumps(known, indent=1))
            engine.dispose()
        put("servers.json", json.dumps(told_by_servers(settings, time.time()), indent=1))
