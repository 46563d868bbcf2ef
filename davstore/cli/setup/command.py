"""The command: asks, looks whether the account answers, writes, and says what to do next."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
import typer
from argon2 import PasswordHasher

from davstore.cli.accounts import stores_of
from davstore.cli.screen import err, labelled, load, out
from davstore.cli.setup import questions
from davstore.cli.setup.questions import Asking, Unanswered
from davstore.cli.setup.units import Units
from davstore.cli.setup.words import address, to_type
from davstore.config import default_file
from davstore.mounting import CannotMount, is_free, needs_fuse, rclone
from davstore.stores import STORES

ALL = "0.0.0.0"  # noqa: S104 - the owner is asked
NONE = "none"
RIGHTS = ["read", "add", "watch", "manage"]
"""Of whoever sets it up: all but to delete, which an account has to allow too."""
SYSTEM_FILE = Path("/etc/davstore/config.toml")


def setup(
    *,
    store: Annotated[str | None, typer.Option(help="Which service: " + ", ".join(STORES))] = None,
    account: Annotated[str | None, typer.Option(help="Its folder's name.")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What the account needs; KEY=@FILE for secrets."),
    ] = None,
    user: Annotated[str | None, typer.Option(help="Who logs in here.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with that one's password.")
    ] = None,
    listen: Annotated[
        str | None, typer.Option(help="this (machine alone), all (the network), or an address.")
    ] = None,
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8080,
    mount: Annotated[str | None, typer.Option(help="Where to mount it, or none.")] = None,
    units: Annotated[str | None, typer.Option(help="systemd units: user, system or none.")] = None,
    units_folder: Annotated[
        Path | None, typer.Option(help="Write the units there instead of to systemd's place.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="What to write.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing usual.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a configuration.")] = False,
    check: Annotated[bool, typer.Option(help="Ask the service who the account is.")] = True,
) -> None:
    """Ask a few questions, write a configuration and systemd units, and say what to type where."""
    asking = Asking(is_taken=yes)
    store = asking.one_of(store, "--store", "Which service", list(STORES))
    name = questions.USUAL_NAMES.get(store, store)
    name = asking.word(account, "--account", "Name of its folder", name)
    keys = questions.account(asking, store, key or ())
    user = asking.word(user, "--user", "Your login here", os.environ.get("USER") or "davstore")
    password, is_made = asking.password(password_file, user)
    host = asking.word(listen, "--listen", "Who reaches it: this machine or all", "this")
    host = {"this": "127.0.0.1", "all": ALL}.get(host, host)
    kind = asking.one_of(units, "--units", "systemd units", ["user", "system", NONE])
    place = _place(asking, mount, kind)

    program = _program(kind)
    file = config or (SYSTEM_FILE if kind == "system" else default_file())
    tables: dict[str, Any] = {
        "server": {"host": host, "port": port},
        "accounts": {name: keys},
        "users": [{"name": user, "password": PasswordHasher().hash(password), "rights": RIGHTS}],
    }
    mounted = None if place == NONE else Path(place).expanduser().absolute()
    if mounted is not None and not is_free(mounted):
        raise Unanswered(f"{mounted}: is not empty; choose an empty folder to mount it at")
    _write_config(file, tables, is_replacing=force, is_checked=check)
    secret = file.with_name("password")
    if mounted is not None:
        _write(secret, password + "\n")
    out.print(f"written: {file}")
    if is_made:
        out.print(f"the password of {user} is: {password}")
    if kind != NONE:
        _write_units(
            Units(_kind(kind), program, file.absolute(), secret.absolute(), user, mounted),
            units_folder,
        )
    else:
        words = "start it: davstore serve" + (f"; davstore mount {place}" if mounted else "")
        out.print(words)
    for missing in _missing() if mounted is not None else ():
        out.print(labelled("yellow", "before it can be mounted", missing))
    out.print(to_type(address(host, port), user, mounted))


def _place(asking: Asking, mount: str | None, kind: str) -> str:
    """A clone of davstore, such as in ~/davstore, is no place for a mount."""
    home = Path.home()
    beside = (home / "davstore", home / "davstore-mount")
    own = next((place for place in beside if is_free(place)), beside[-1])
    usual = "/mnt/davstore" if kind == "system" else str(own)
    return asking.word(mount, "--mount", "Where to mount it, or none", usual)


def _missing() -> Iterator[str]:
    for look in (rclone, needs_fuse):
        try:
            look()
        except CannotMount as problem:
            yield str(problem)


def _write_config(
    file: Path, tables: Mapping[str, Any], *, is_replacing: bool, is_checked: bool
) -> None:
    """Only what is right is written. Raises `ConfigError`, `StoreError` or `Unanswered`."""
    if file.exists() and not is_replacing:
        raise Unanswered(f"{file}: is there already; change it by hand, or replace it with --force")
    draft = file.with_name(f"{file.name}.new")
    _write(draft, tomli_w.dumps(dict(tables)))
    try:
        settings = load(draft)
        with stores_of(settings) as stores:
            for name, store in stores.items() if is_checked else ():
                with err.status(f"asking {name} …"):
                    known = store.account()
                out.print(f"{name}: {known.user} {known.plan}".rstrip())
        if file.exists():
            file.replace(file.with_name(f"{file.name}.old"))
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _write_units(units: Units, folder: Path | None) -> None:
    folder = folder or units.folder
    for name, text in units.texts().items():
        _write(folder / name, text, mode=0o644)
        out.print(f"written: {folder / name}")
    out.print("start it now and at every boot:")
    for command in units.commands:
        out.print(f"  {command}")


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(file, "w", encoding="utf-8") as out_:
            out_.write(text)
    except OSError as error:
        cure = "run it with sudo, or choose another place"
        raise Unanswered(f"{path}: {(error.strerror or '?').lower()}; {cure}") from None


def _program(kind: str) -> str:
    """The command that runs now. Raises `Unanswered` where the machine's units cannot run it."""
    beside = Path(sys.executable).with_name("davstore")
    program = str(beside) if beside.exists() else shutil.which("davstore") or "davstore"
    if kind == "system" and program.startswith(("/home/", "/root/")):
        cure = "install davstore for all: sudo python3 -m venv /opt/davstore, and pip there"
        raise Unanswered(f"{program}: the machine's units must not look into homes; {cure}")
    return program


def _kind(word: str) -> Literal["user", "system"]:
    return "system" if word == "system" else "user"
