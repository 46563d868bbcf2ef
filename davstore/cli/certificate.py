"""`davstore certificate`: TLS for a machine that has no name in the world's DNS."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from davstore import config
from davstore.cli.screen import out


def certificate(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Host names and addresses; by default all of this machine."),
    ] = None,
    *,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Where to write; by default beside the configuration."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace one that is there.")] = False,
) -> None:
    """Make a self-signed certificate, for `server.tls_cert`."""
    place = folder or config.default_file().parent
    files = [place / "certificate.pem", place / "certificate-key.pem"]
    there = next((file for file in files if file.exists()), None)
    if there is not None and not replace:
        raise typer.BadParameter(f"{there} is there already; --replace makes another")
    # `cryptography` takes 8 MB that no server needs.
    from davstore.server.self_signed import SelfSigned, own_names  # noqa: PLC0415

    called = names or own_names()
    try:
        made = SelfSigned.made(called, dt.datetime.now(dt.UTC))
    except ValueError as error:
        raise typer.BadParameter(f"{', '.join(called)}: one is no name ({error})") from None
    try:
        place.mkdir(parents=True, exist_ok=True)
        # The key first: a running server takes them when they fit together.
        for file, pem, mode in zip(files[::-1], (made.key, made.certificate), (0o600, 0o644),
                                   strict=True):  # fmt: skip
            file.unlink(missing_ok=True)
            file.touch(mode)
            file.write_bytes(pem)
    except OSError as error:
        raise typer.BadParameter(f"{place} cannot be written to ({error.strerror})") from None
    out.print(f"for {', '.join(called)}")
    out.print(f"SHA-256 {made.fingerprint}\n")
    out.print(
        f"Put these lines under [server] in {config.default_file()}:\n",
    )
    for key, file in zip(("tls_cert", "tls_key"), files, strict=True):
        out.print(f'{key} = "{file}"')
    out.print("\nand have clients trust the certificate, or compare its SHA-256 once.")
