"""What AllDebrid's JSON looks like, as far as it is read."""

from typing import Any

from davstore.stores.shapes import Length, Moment, Rows, Shape, Size, Word
from davstore.transport import Json


class Row(Shape):
    """One magnet of `magnet/status`."""

    id: str
    filename: Word = ""
    hash: Word = ""
    size: Size = None
    statusCode: int  # noqa: N815 - the service's word
    downloaded: Size = None
    uploadDate: Moment = None  # noqa: N815
    completionDate: Moment = None  # noqa: N815
    nbLinks: Size = None  # noqa: N815
    downloadSpeed: Size = None  # noqa: N815


class Live(Shape):
    """`magnet/status` in its live mode: what changed since `counter`, or all of it."""

    magnets: Any
    counter: Size = None
    fullsync: bool = False


class Mark(Shape):
    """What is remembered between two looks: the session, the count, and when it began."""

    session: int
    counter: int
    since: float


class Node(Shape):
    """A folder (has `e`) or a file (has `l`) of `magnet/files`."""

    n: Word = ""
    s: Length = None
    l: Word = ""  # noqa: E741 - the service's word
    e: Json = None


class Unlocked(Shape):
    """`link/unlock`, `link/streaming` and `link/delayed`."""

    link: Word = ""
    filename: Word = ""
    host: Word = ""
    filesize: Size = None
    id: Word = ""
    delayed: Size = None
    streams: Rows
    streaming: Rows
    status: int = 0
    max_chunks: Size = None


class Stream(Shape):
    """One of the qualities between which `link/streaming` chooses."""

    id: str
    quality: Word = ""
    filesize: Size = None


class User(Shape):
    """`user`."""

    username: str
    isPremium: bool = False  # noqa: N815
    isTrial: bool = False  # noqa: N815
    premiumUntil: Moment = None  # noqa: N815
    remainingTrialQuota: Length = None  # noqa: N815
    limitedHostersQuotas: Json = None  # noqa: N815
    notifications: Rows


class Added(Shape):
    """One of the magnets or files that `magnet/upload` was given."""

    id: Word = ""
    hash: Word = ""
    error: Any = None


class Restarted(Shape):
    """One of the magnets of `magnet/restart`."""

    magnet: str
    error: Any = None


class Kept(Shape):
    """One link of `user/links` and `user/history`."""

    link: str
    filename: Word = ""
    size: Size = None
    date: Moment = None
    host: Word = ""


class Info(Shape):
    """One link of `link/infos`."""

    link: Word = ""
    filename: Word = ""
    size: Size = None
    host: Word = ""
    error: Any = None


class Host(Shape):
    """One host of `hosts` and `user/hosts`."""

    domains: Rows
    status: bool | None = None
    quota: Length = None
    quotaMax: Size = None  # noqa: N815
    quotaType: Word = ""  # noqa: N815


class VoucherRow(Shape):
    """`voucher/balance`, `voucher/get` and `voucher/generate`."""

    codes: Rows
    balance: float | None = None
    pricePerVoucher: float | None = None  # noqa: N815
    partialList: bool = False  # noqa: N815


class Pin(Shape):
    """`pin/get`."""

    pin: str
    check: str
    expires_in: float
    user_url: Word = ""
    base_url: str


class Checked(Shape):
    """`pin/check`."""

    activated: bool = False
    apikey: Word = ""


class Verified(Shape):
    """`user/verif`."""

    verif: str
    resendable: bool = False
    apikey: Word = ""
