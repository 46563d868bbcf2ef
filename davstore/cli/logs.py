"""How the log looks, and the net under it: no URL's path and no login passes, whoever wrote it."""

import logging
import re
import sys

_URL = re.compile(r"(https?|stremthru)://([^/\s\"'<>]*@)?([^/\s\"'<>]*)/[^\s\"'<>]*", re.IGNORECASE)
# How HTTP libraries name a request; with retries they do so even at WARNING.
_REQUEST = re.compile(r"(\"[A-Z]+|with url:) /[^\s\"]*")
_LOGIN = re.compile(r"(Bearer|Basic|token=|apikey=|password=)\s*[^\s\"'&,;]+", re.IGNORECASE)


class Redacted(logging.Formatter):
    """Formats a record, tracebacks included, and then blackens what may be a secret."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        text = _URL.sub(r"\1://\3/…", super().format(record))
        text = _REQUEST.sub(r"\1 …", text)
        return _LOGIN.sub(r"\1 …", text)


def start(*, verbose: bool, tells_process: bool = False) -> None:
    """Log to standard error: davstore's own lines, and other packages' only from WARNING on."""
    process = "[%(process)d] " if tells_process else ""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacted(f"%(asctime)s %(levelname)-7s {process}%(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("davstore").setLevel(logging.DEBUG if verbose else logging.INFO)
