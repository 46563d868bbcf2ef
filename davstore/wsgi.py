"""WSGI's types (PEP 3333) under the names that are used here, and queries."""

from typing import TypeAlias
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Application", "Environ", "Headers", "StartResponse", "query"]

Application: TypeAlias = WSGIApplication
Environ: TypeAlias = WSGIEnvironment
Headers: TypeAlias = list[tuple[str, str]]

MOST_FIELDS = 20


def query(environ: Environ) -> dict[str, str]:
    """The fields of a request's query, the last of each name; none of one with too many."""
    try:
        fields = parse_qs(
            environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError:
        return {}
    return {key: values[-1] for key, values in fields.items()}
