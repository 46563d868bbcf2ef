"""`davstore mount`: davstore as a folder of this machine."""

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from davstore.cli import ready
from davstore.cli.screen import ConfigFile, load, out
from davstore.cli.serve import told_to_stop
from davstore.config import ANONYMOUS, ServerSettings, Settings
from davstore.hook_settings import RcloneHook
from davstore.mounting import CannotMount, Listening, Login, Mount, ready_place, wait_for
from davstore.setting_types import base_url

LOOK_EVERY = 0.5
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - how a server says "all"


def _checked(url: str) -> str:
    try:
        return base_url(url)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def mount(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="Where; made if it is missing.",
            readable=False,  # what a mount that died has left is not
        ),
    ],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="RCLONE-FLAGS", help="More for rclone, after --.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(parser=_checked, metavar="URL", help="A davstore elsewhere.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Who logs in; the first user.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file that holds the password.")
    ] = None,
    cache_size: Annotated[str, typer.Option(help="Disk space for what was read.")] = "20G",
    wait: Annotated[float, typer.Option(help="Seconds to wait for davstore.")] = 30.0,
    config: ConfigFile = None,
    *,
    writable: Annotated[bool, typer.Option("--writable", help="Let shares be written.")] = False,
    allow_other: Annotated[
        bool, typer.Option("--allow-other", help="Let other users of this machine in.")
    ] = False,
) -> None:
    """Mount davstore at PATH with rclone, until told to stop; then unmount it."""
    settings = load(config) if url is None else None
    place = place.expanduser().absolute()
    login = _login(settings, url, user, password_file)
    told = told_to_stop()
    ready_place(place)
    wait_for(login, wait)
    mounted = Mount(
        login, place, listening=_listening(settings), is_read_only=not writable,
        is_for_all=allow_other, cache_size=cache_size, more=more or (),
    )  # fmt: skip
    mounted.start(told.is_set)
    try:
        out.print(f"{login.url} is mounted at {place}; Ctrl+C unmounts it")
        ready.say()
        while not told.wait(LOOK_EVERY):
            if mounted.status is not None:
                raise CannotMount(f"rclone ended with status {mounted.status}; above it says why")
    finally:
        mounted.stop()


def _login(
    settings: Settings | None, url: str | None, user: str | None, file: Path | None
) -> Login:
    named = [each for each in settings.users if each.name != ANONYMOUS] if settings else []
    name = user or (named[0].name if named else "")
    stored = next((each for each in named if each.name == name), None)
    password = ""
    if file is not None:
        try:
            password = file.expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise CannotMount(f"{file}: {reason}; write the password of {name} into it") from None
    elif stored is not None and stored.password is not None and not stored.is_hashed:
        password = stored.password.get_secret_value()
    elif name:
        password = _typed(name)
    if settings is None:
        return Login(f"{url}/", name, password)
    return Login(_address(settings.server), name, password, _unvouched(settings.server))


def _typed(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(f"Password of {name}", hide_input=True))
    word = sys.stdin.readline().rstrip("\n")
    if not word:
        raise CannotMount(f"no password for {name}; give --password-file, or type it here")
    return word


def _address(server: ServerSettings) -> str:
    """The configured server's, as this machine reaches it."""
    host = EVERYWHERE.get(server.host, server.host)
    host = f"[{host}]" if ":" in host else host
    return f"{server.scheme}://{host}:{server.port}{server.prefix}/"


def _unvouched(server: ServerSettings) -> Path | None:
    """The configured server's own certificate, where no authority stands behind it."""
    if server.tls_cert is None:
        return None
    # `cryptography` takes 8 MB that no other mount needs.
    from davstore.server.self_signed import vouches_for_itself  # noqa: PLC0415

    file = server.tls_cert.expanduser()
    return file if vouches_for_itself(file.read_bytes()) else None


def _listening(settings: Settings | None) -> Listening | None:
    """Where the configured hook tells rclone of changes, if it is one on this machine."""
    for hook in settings.hooks if settings else ():
        address = urlsplit(hook.url) if isinstance(hook, RcloneHook) else None
        if address is None or address.hostname not in {"127.0.0.1", "localhost", "::1"}:
            continue
        assert isinstance(hook, RcloneHook)
        password = hook.password.get_secret_value() if hook.password else ""
        return Listening(f"{address.hostname}:{address.port or 80}", hook.user, password)
    return None
