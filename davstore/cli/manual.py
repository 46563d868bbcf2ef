"""The manual page davstore(1), made from the commands themselves.

`python -m davstore.cli.manual > man/davstore.1` writes the page that is installed; a test says when
that is to be done again.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from davstore import __version__
from davstore.cli.main import app

_ENVIRONMENT = (
    ("DAVSTORE_CONFIG", "The configuration, where --config does not say."),
    ("DAVSTORE_SECTION__KEY", "Any setting, such as DAVSTORE_SERVER__PORT=9000; it wins over the "
     "file."),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "Proxies for what davstore asks of services."),
    ("REQUESTS_CA_BUNDLE, SSL_CERT_FILE", "Certificates to trust instead of the built-in ones."),
)  # fmt: skip
_FILES = (
    ("~/.config/davstore/config.toml", "The configuration."),
    ("~/.local/share/davstore/", "The state: what is known of the accounts, and links still good."),
)
_STATUS = (
    ("0", "All went well."),
    ("1", "Something failed; one line says what, and what to do."),
    ("2", "The configuration or the call is wrong."),
)


def page() -> str:
    """The manual page as roff, with the macros of man(7)."""
    group: Any = get_command(app)
    lines = [
        f'.TH DAVSTORE 1 "" "davstore {__version__}" "User Commands"',
        ".SH NAME", f"davstore \\- {_plain(group.help).rstrip('.')}",
        ".SH SYNOPSIS", ".B davstore", ".I COMMAND", "[OPTIONS]",
        ".SH COMMANDS",
    ]  # fmt: skip
    for name, command in group.commands.items():
        lines += _command(name, command)
    for title, rows in (("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES), ("EXIT STATUS", _STATUS)):
        lines.append(f".SH {title}")
        for term, meaning in rows:
            lines += [".TP", f".B {_plain(term)}", _plain(meaning)]
    lines += [".SH SEE ALSO", ".BR rclone (1)"]
    return "\n".join(lines) + "\n"


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    words = " ".join(_plain(_place(p)) for p in arguments)
    yield f".SS davstore {name} {words}".rstrip()
    yield _plain(inspect.cleandoc(command.help or ""))
    for option in (*arguments, *options):
        if not option.help:
            continue
        yield ".TP"
        yield f".B {_plain(_term(option))}"
        yield _plain(_meaning(option))


def _place(argument: Any) -> str:
    word = str(argument.metavar or argument.name.upper())
    return word if argument.required or word.startswith("[") else f"[{word}]"


def _term(option: Any) -> str:
    if option.param_type_name == "argument":
        return str(option.metavar or option.name.upper())
    names = ", ".join([*option.opts, *option.secondary_opts])
    if option.is_flag:
        return names
    return f"{names} {option.metavar or option.name.upper()}"


def _meaning(option: Any) -> str:
    usual = option.default
    if option.param_type_name == "argument" or not usual or usual is True:
        return str(option.help)
    return f"{option.help} Usually {usual}."


def _plain(text: str) -> str:
    """Text in which roff finds nothing to do: no dash that breaks, no dot at a line's start."""
    text = re.sub(r"\s*\n\s*", " ", text).replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", text)


if __name__ == "__main__":
    sys.stdout.write(page())
