"""`[views.NAME]` -> settings of views."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from davstore.config.words import nearest, problem
from davstore.errors import Problem
from davstore.view_settings import DEFAULT_VIEWS, ViewSettings

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9_-])?")


def arranged(
    tables: Any, accounts: Mapping[str, object], shares: Mapping[str, object]
) -> tuple[dict[str, ViewSettings], list[Problem]]:
    """The views of `tables` (None: nothing is said of any), and every problem with them."""
    taken = {name.lower() for name in (*accounts, *shares)}
    if tables is None:
        return {n: view for n, view in DEFAULT_VIEWS.items() if n.lower() not in taken}, []
    if not isinstance(tables, dict):
        return {}, [Problem("views", "is not a table", "write each as [views.NAME]")]
    views: dict[str, ViewSettings] = {}
    problems: list[Problem] = []
    for name, table in tables.items():
        place = f"views.{name}"
        if not _NAME.fullmatch(name):
            cure = "it becomes a folder: use letters, digits, spaces and . _ - (at most 64)"
            problems.append(Problem(place, "is no name for a view", cure))
        if name.lower() in taken:
            cure = "rename one of them: both would be the same folder"
            problems.append(Problem(place, "is the name of something else too", cure))
        taken.add(name.lower())
        try:
            views[name] = view = ViewSettings.model_validate(table)
        except ValidationError as error:
            problems += [problem(ViewSettings, detail, place) for detail in error.errors()]
            continue
        for account in view.accounts:
            if account not in accounts:
                cure = nearest(account, accounts) + f"known are {', '.join(accounts)}"
                problems.append(Problem(f"{place}.accounts", f"{account!r} is not known", cure))
    return views, problems
