"""`davstore search` and `davstore check-cache`: magnets that are in no account yet."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from davstore.catalog import Additions, server_of
from davstore.catalog.adding.adding import described
from davstore.catalog.lookups.finding import Answers, cached, searched, searching
from davstore.cli.accounts import stores_of
from davstore.cli.opening import state_of
from davstore.cli.screen import AsJson, ConfigFile, err, labelled, load, out, print_json, size
from davstore.config import Settings
from davstore.errors import DavstoreError, NotAccepted, StoreError
from davstore.model import Found, Query, Wanted
from davstore.stores.base import Adding, Checking, Choosing, Store, best_first, present
from davstore.stores.torznab import CATEGORIES
from davstore.wanted import of_hash, of_link, wanted

CHOICE_TRIES, CHOICE_PAUSE = 15, 2.0
"""How often, and after how many seconds, an account is asked whether files can be chosen yet."""


class CannotFind(DavstoreError):
    """What was asked for cannot be done with the configured accounts, or as it was asked."""


def search(
    words: Annotated[list[str], typer.Argument(help="What to look for.")],
    config: ConfigFile = None,
    *,
    category: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help=f"{', '.join(CATEGORIES)}, or a number of Torznab's."),
    ] = None,
    season: Annotated[int | None, typer.Option(min=0, help="Only this season.")] = None,
    episode: Annotated[int | None, typer.Option(min=0, help="Only this episode.")] = None,
    add: Annotated[int | None, typer.Option(min=1, metavar="N", help="Add the Nth.")] = None,
    to: Annotated[str, typer.Option(metavar="ACCOUNT", help="The account to add it to.")] = "",
    as_json: AsJson = False,
) -> None:
    """Search for magnets (Torznab), say where they are cached, and add one."""
    settings = load(config)
    query = Query(" ".join(words), _categories(category or ()), season, episode)
    with stores_of(settings) as stores:
        target = _target(stores, to) if add is not None or to else None
        found = _searched(settings, stores, query)
        if add is None:
            ready = _cached(stores, [each.hash for each in found])
            _show(found, ready, as_json=as_json)
            return
        if add > len(found):
            raise CannotFind(f"there is no result {add}; {len(found)} were found")
        assert target is not None
        server = server_of(settings.server.state)
        if server is not None or settings.server.database is not None:
            _queue(settings, target, found[add - 1], server)
        else:
            _add(target, found[add - 1])


def check_cache(
    magnets: Annotated[
        list[str], typer.Argument(metavar="MAGNET…", help="Magnet links, hashes, or files.")
    ],
    config: ConfigFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say which account's service has these magnets ready, for whoever adds them."""
    settings = load(config)
    asked = {each.hash: each for text in magnets for each in _wanted(text)}
    with stores_of(settings) as stores:
        able = [name for name, store in stores.items() if isinstance(store, Checking)]
        if not able:
            raise CannotFind("no account's service tells what it has cached; StremThru's does")
        ready = _cached(stores, list(asked))
    failed = [name for name in able if isinstance(ready[name], StoreError)]
    if as_json:
        print_json([{"hash": each.hash, "name": each.name, "cached": _where(ready, each.hash),
                     "unknown": failed} for each in asked.values()])  # fmt: skip
    else:
        table = Table("name", *able, box=None, pad_edge=False)
        table.columns[0].overflow = "fold"
        for each in asked.values():
            table.add_row(each.name, *(_mark(ready[name], each.hash) for name in able))
        out.print(table)
    if failed:
        raise typer.Exit(1)


def _categories(given: Sequence[str]) -> tuple[int, ...]:
    known = {**CATEGORIES, **{text: int(text) for text in given if text.isdecimal()}}
    for text in given:
        if text.lower() not in known:
            raise CannotFind(f"there is no category {text!r}; known are {', '.join(CATEGORIES)}")
    return tuple(known[text.lower()] for text in given)


def _wanted(text: str) -> tuple[Wanted, ...]:
    """A magnet link, a hash, or the path of a torrent file or a list of links."""
    if text.lower().startswith("magnet:"):
        return (of_link(text),)
    if len(text) == 40 and not set(text.lower()) - set("0123456789abcdef"):
        return (of_hash(text.lower(), text.lower()),)
    path = Path(text)
    try:
        return wanted(path.name, path.read_bytes())
    except OSError as error:
        raise NotAccepted(
            f"{text!r} is no magnet link, no hash and no file ({error.strerror}); give one of them"
        ) from None


def _target(stores: Mapping[str, Store], name: str) -> Store:
    able = [each for each, store in stores.items() if isinstance(store, Adding)]
    if not name:
        raise CannotFind(f"--add needs --to ACCOUNT, one of: {', '.join(able)}")
    if name not in able:
        raise CannotFind(f"nothing can be added to {name!r}; give one of: {', '.join(able)}")
    return stores[name]


def _searched(settings: Settings, stores: Mapping[str, Store], query: Query) -> tuple[Found, ...]:
    """What all services find, each hash once; accounts at the same service are asked once."""
    places = {name: str(account.url) for name, account in settings.accounts.items()}
    names = searching(stores, places)
    if not names:
        raise CannotFind("no account's service can search; StremThru's can")
    with err.status("asking …"):
        answers = searched(stores, names, query)
    given = [answer for answer in answers.values() if not isinstance(answer, StoreError)]
    if not given:
        raise next(answer for answer in answers.values() if isinstance(answer, StoreError))
    _complain(answers)
    return best_first(chain.from_iterable(given))


def _cached(stores: Mapping[str, Store], hashes: Sequence[str]) -> Answers[frozenset[str]]:
    with err.status("asking …"):
        answers = cached(stores, hashes)
    _complain(answers)
    return answers


def _complain(answers: Mapping[str, object]) -> None:
    for answer in answers.values():
        if isinstance(answer, StoreError):
            err.print(labelled("yellow", "davstore", answer))


def _where(ready: Answers[frozenset[str]], hash_: str) -> list[str]:
    return [name for name, hashes in ready.items()
            if not isinstance(hashes, StoreError) and hash_ in hashes]  # fmt: skip


def _mark(ready: frozenset[str] | StoreError, hash_: str) -> Text:
    if isinstance(ready, StoreError):
        return Text("?")
    return Text("ready", "green") if hash_ in ready else Text("no")


def _show(found: Sequence[Found], ready: Answers[frozenset[str]], *, as_json: bool) -> None:
    if as_json:
        print_json([{"number": number, **asdict(each), "cached": _where(ready, each.hash)}
                    for number, each in enumerate(found, 1)])  # fmt: skip
        return
    table = Table("", "name", "size", "seeders", "cached at", box=None, pad_edge=False)
    for column in (0, 2, 3):
        table.columns[column].justify = "right"
    table.columns[1].overflow = "fold"
    for number, each in enumerate(found, 1):
        seeders = "?" if each.seeders is None else str(each.seeders)
        where = ", ".join(_where(ready, each.hash))
        table.add_row(str(number), each.name, size(each.size), seeders, where)
    out.print(table if found else "nothing was found")


def _queue(settings: Settings, target: Store, found: Found, server: int | None) -> None:
    """Leave it to the server, of this machine or of those that share the database: it adds at the
    service's pace, and tries again where that fails.
    """
    with state_of(settings) as engine:
        asked = Additions(engine).enqueue(target.name, [_wanted_of(found)], "")
    if asked:
        who = "the server" if server is None else f"process {server}"
        said = f"queued for {target.name}: {found.name}; {who} adds it within a minute"
    else:
        said = f"{found.name} was given to {target.name} already; see `davstore status`"
    out.print(said)


def _add(store: Store, found: Found) -> None:
    """Add it, unless it is there, and have its files chosen where the service wants that."""
    assert isinstance(store, Adding)
    there = present(store, found.hash)
    if there is not None:
        out.print(f"{found.name} is in {store.name} already: {there.status}")
        return
    id_ = store.add(described(_wanted_of(found)))
    if isinstance(store, Choosing) and id_:
        _choose(store, id_)
    out.print(f"added to {store.name}: {found.name}")


def _wanted_of(found: Found) -> Wanted:
    return replace(of_link(found.link), name=found.name)


def _choose(store: Choosing, id_: str) -> None:
    for _ in range(CHOICE_TRIES):
        if store.choose(id_):
            return
        time.sleep(CHOICE_PAUSE)
    said = "its files are not known yet: they are still to be chosen"
    err.print(labelled("yellow", "davstore", said))
