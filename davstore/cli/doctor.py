"""`davstore doctor`: looks at everything between the configuration and a film that plays."""

import json
import re
import time
import tomllib
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final

import tomli_w
import typer
from rich.text import Text

from davstore import __version__, config
from davstore.catalog import Overview, Overviews
from davstore.cli.opening import known_of
from davstore.cli.screen import AsJson, ConfigFile, err, load, out
from davstore.config import Settings
from davstore.errors import ConfigError, StateError
from davstore.logs import redacted
from davstore.server.examining import Finding, examined
from davstore.server.watch import told_by_servers

_COLOURS: Final = {"ok": "green", "warning": "yellow", "wrong": "red"}
_MAIL = re.compile(r"[^\s\"'<>@]+@[^\s\"'<>@]+")
_QUOTED = re.compile(r"""(?<!\w)'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\"""")
_PERSONAL: Final = frozenset({"name", "user", "username", "email", "profile"})
"""Settings that name people."""
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F]{0,4}(?::[\da-fA-F]{0,4}){2,7})"
)


def doctor(
    config: ConfigFile = None,
    *,
    as_json: AsJson = False,
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
        typer.echo(redacted(json.dumps([asdict(each) for each in findings], ensure_ascii=False)))
    if bundle is not None:
        _write(bundle, findings, settings)
        err.print(f"written: {bundle}; look into it before you send it")
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


def _show(finding: Finding, *, quiet: bool) -> None:
    if quiet:
        return
    colour = _COLOURS[finding.state]
    line = Text.assemble(
        (f"{finding.state:8}", colour), (f"{finding.subject:24} ", "bold"), redacted(finding.said)
    )
    if finding.cure:
        line.append(f" → {finding.cure}", "dim")
    out.print(line)


def _unless_public(found: re.Match[str]) -> str:
    """An address of this network; others say where somebody lives."""
    try:
        return "…" if ip_address(found[0]).is_global else found[0]
    except ValueError:
        return found[0]


def _anonymous(value: Any, without: Collection[str] = ()) -> Any:
    """Names of people and of what they watch stay out, as secrets do: messages quote them. Keys
    `without` a value have none.
    """
    if isinstance(value, Mapping):
        return {key: "…" if key in without else _anonymous(each, without)
                for key, each in value.items()}  # fmt: skip
    if isinstance(value, list | tuple):
        return [_anonymous(each, without) for each in value]
    if not isinstance(value, str):
        return value
    text = redacted(value).replace(str(Path.home()), "~")
    text = _ADDRESS.sub(_unless_public, _MAIL.sub("…@…", text))
    return _QUOTED.sub("'…'", text)


def _write(path: Path, findings: Sequence[Finding], settings: Settings | None) -> None:
    """Raises `StateError` where the file cannot be written."""
    texts = {
        "version.txt": f"davstore {__version__}\nwritten {time.strftime('%Y-%m-%d %H:%M:%S')}\n",
        "doctor.json": _json([asdict(each) for each in findings]),
    }
    if settings is not None:
        shown = tomllib.loads(config.effective(settings))
        texts["config.toml"] = tomli_w.dumps(_anonymous(shown, _PERSONAL))
        texts["servers.json"] = _json(told_by_servers(settings, time.time()))
        with known_of(settings) as engine:
            if engine is not None:
                texts["status.json"] = _json(
                    [_numbers(each) for each in Overviews(engine).accounts()]
                )
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(name, text)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}; choose a file that can be written") from None


def _json(value: Any) -> str:
    return json.dumps(_anonymous(value), indent=1, ensure_ascii=False)


def _numbers(one: Overview) -> dict[str, Any]:
    """An account without names of magnets, and the marker, which is the service's own words."""
    known = asdict(one) | {"coming": len(one.coming)}
    del known["standing"]["marker"]
    return known
