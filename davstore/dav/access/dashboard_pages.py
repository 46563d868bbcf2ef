"""The dashboard under `/-/`: who may see its pages is asked here, what they show elsewhere."""

from collections.abc import Iterable
from typing import Protocol

from wsgidav.dav_error import HTTP_FORBIDDEN, HTTP_NOT_FOUND, DAVError
from wsgidav.dav_provider import DAVProvider

from davstore.dav.access.login import Users
from davstore.dav.access.people import Person
from davstore.wsgi import Application, Environ, StartResponse

NAME = "-"
_DOORS = (("watch", "Status", f"{NAME}/"), ("add", "Add", f"{NAME}/add"))


def doors(person: Person) -> dict[str, str]:
    """The pages that this person may open: their addresses, below the root, by title."""
    return {title: path for right, title, path in _DOORS if right in person.rights}


class Pages(Protocol):
    """What answers beneath. It finds who asks under `davstore.user`, their rights under
    `davstore.rights`, and whether an account exists for them under `davstore.sees`.
    """

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A WSGI response."""

    def right(self, method: str, path: str) -> str:
        """The right that a request needs."""


class DashboardPages(DAVProvider):
    """Has the `application` answer who has the right that it asks for."""

    def __init__(self, application: Pages, users: Users) -> None:
        super().__init__()
        self._application = application
        self._users = users

    def get_resource_inst(self, path: str, environ: Environ) -> None:
        """None: nothing here is a resource of WebDAV."""

    def custom_request_handler(
        self, environ: Environ, start_response: StartResponse, default_handler: Application
    ) -> Iterable[bytes]:
        """A page; raises 403 without the right, 404 for WebDAV's methods."""
        del default_handler
        person, method = self._users.person(environ), environ["REQUEST_METHOD"]
        if method not in {"GET", "HEAD", "POST"}:
            raise DAVError(HTTP_NOT_FOUND)
        needed = self._application.right(method, environ["PATH_INFO"])
        if needed not in person.rights:
            text = f"You may not do this: it needs the right to {needed} (users.rights)."
            raise DAVError(HTTP_FORBIDDEN, text)
        environ["davstore.user"] = person.name
        environ["davstore.rights"] = person.rights
        environ["davstore.sees"] = person.sees
        return self._application(environ, start_response)
