"""What is asked of a person, each answer also an option; nothing is asked that was answered."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from davstore.errors import DavstoreError
from davstore.stores import STORES


class Unanswered(DavstoreError):
    """An answer is missing or makes no sense."""


@dataclass(frozen=True, slots=True)
class Question:
    """One key of an account: what to ask for, whether it is secret, and what is usual."""

    key: str
    text: str
    is_secret: bool = False
    usual: str = ""


OF_STORES: Final[Mapping[str, Sequence[Question]]] = {
    "realdebrid": (
        Question("token", "Token, from https://real-debrid.com/apitoken", is_secret=True),
    ),
    "alldebrid": (
        Question("token", "API key, from https://alldebrid.com/apikeys", is_secret=True),
    ),
    "stremthru": (
        Question("url", "Address of the StremThru instance"),
        Question("store_name", "Which store is asked through it", usual="torbox"),
        Question("store_token", "That store's API key", is_secret=True),
    ),
    "plank": (
        Question("url", "Address of the Plank server", usual="http://127.0.0.1:3300"),
        Question("email", "E-mail address you log in with"),
        Question("password", "Password there", is_secret=True),
    ),
}
USUAL_NAMES: Final = {"realdebrid": "rd", "alldebrid": "ad"}


class Asking:
    """Asks on the terminal; where everything usual `is_taken`, only what has no usual answer."""

    def __init__(self, *, is_taken: bool) -> None:
        self._is_taken = is_taken

    def word(self, answer: str | None, option: str, question: str, usual: str = "") -> str:
        """A text. Raises `Unanswered` where nobody is to be asked."""
        if answer is not None:
            return answer
        if self._is_taken and usual:
            return usual
        if self._is_taken:
            raise Unanswered(f"{question}? give it as {option}")
        return str(typer.prompt(question, default=usual or None, type=str)).strip()

    def one_of(self, answer: str | None, option: str, question: str, words: Sequence[str]) -> str:
        """One of these words, the first if nothing else is said."""
        found = self.word(answer, option, f"{question} ({', '.join(words)})", words[0])
        while found not in words:
            if answer is not None or self._is_taken:
                raise Unanswered(f"{option}: {found!r} is not known; one of {', '.join(words)}")
            found = self.word(None, option, f"Please one of {', '.join(words)}", words[0])
        return found

    def secret(self, question: str, option: str) -> str:
        """A text that is not shown."""
        if self._is_taken:
            raise Unanswered(f"{question}? give it as {option}")
        return str(typer.prompt(question, hide_input=True)).strip()

    def password(self, file: Path | None, user: str) -> tuple[str, bool]:
        """The password of a user, and whether it was made here and must be shown."""
        if file is not None:
            return _text_of(file), False
        made = secrets.token_urlsafe(12)
        if self._is_taken:
            return made, True
        word = typer.prompt(
            f"Password for {user} (empty: one is made)", default="", hide_input=True,
            show_default=False,
        )  # fmt: skip
        return (str(word), False) if word else (made, True)


def account(asking: Asking, store: str, given: Sequence[str]) -> dict[str, str]:
    """The keys of an account; `given` as KEY=VALUE or KEY=@FILE."""
    keys: dict[str, str] = {"store": store}
    known = STORES[store].settings.model_fields
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or key not in known:
            raise Unanswered(f"--key: no key of {store} in {key!r}; known are {', '.join(known)}")
        keys[key] = _text_of(Path(value[1:])) if value.startswith("@") else value
    for question in OF_STORES[store]:
        if question.key in keys or f"{question.key}_file" in keys:
            continue
        option = f"--key {question.key}="
        if question.is_secret:
            keys[question.key] = asking.secret(question.text, f"{option}@FILE")
        else:
            keys[question.key] = asking.word(None, option, question.text, question.usual)
    return keys


def _text_of(file: Path) -> str:
    try:
        text = file.expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise Unanswered(f"{file}: {reason}; name a file that holds one line") from None
    if not text:
        raise Unanswered(f"{file}: is empty; write the secret into it")
    return text
