"""What Real-Debrid's error numbers mean."""

from collections.abc import Mapping
from ipaddress import ip_address

from davstore.errors import (
    AccountProblem,
    Gone,
    NotAuthorized,
    QuotaExhausted,
    RateLimited,
    Refused,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)


class Done(UnexpectedReply):
    """What was asked for has been done before."""


class Unsupported(Gone):
    """A link of a host that the service does not serve."""


ADDRESS_REFUSED = 22

# Every code of the API document, and 37, which is not in it.
ERRORS: Mapping[int, tuple[type[StoreError], str]] = {
    -1: (StoreUnavailable, "internal error at Real-Debrid"),
    1: (UnexpectedReply, "our request lacks a parameter"),
    2: (UnexpectedReply, "our request has a bad parameter"),
    3: (Gone, "Real-Debrid does not know this id"),
    4: (UnexpectedReply, "Real-Debrid does not allow this call"),
    5: (RateLimited, "asked too quickly"),
    6: (StoreUnavailable, "the file's server cannot be reached"),
    7: (Gone, "no longer in the account"),
    8: (NotAuthorized, "the token is wrong or revoked; get one at real-debrid.com/apitoken"),
    9: (
        AccountProblem,
        "the account is locked or not premium; log in on the site",
    ),
    10: (NotAuthorized, "the account asks for a second factor; log in on the site"),
    11: (NotAuthorized, "the account waits for its second factor; log in on the site"),
    12: (NotAuthorized, "the login is wrong"),
    13: (NotAuthorized, "the password is wrong"),
    14: (AccountProblem, "the account is locked; ask Real-Debrid's support"),
    15: (AccountProblem, "the account is not activated; see your e-mail"),
    16: (Unsupported, "Real-Debrid does not serve this host, or no longer has the file"),
    17: (StoreUnavailable, "the file's server is in maintenance"),
    18: (QuotaExhausted, "the limit of the file's host is reached"),
    19: (Gone, "the file is no longer on Real-Debrid's disks; add the magnet again"),
    20: (AccountProblem, "needs a premium account; renew it at real-debrid.com"),
    21: (QuotaExhausted, "too many active downloads"),
    ADDRESS_REFUSED: (
        AccountProblem,
        "Real-Debrid refuses our address; leave out servers and VPNs",
    ),
    23: (QuotaExhausted, "the traffic is used up until midnight in Paris"),
    24: (Gone, "the file is no longer available; add the magnet again"),
    25: (StoreUnavailable, "the service is unavailable"),
    26: (Refused, "the torrent file is too big"),
    27: (StoreUnavailable, "the upload failed"),
    28: (Refused, "the file is not allowed"),
    29: (Refused, "the torrent is too big"),
    30: (Refused, "the torrent file is invalid"),
    31: (Done, "already done"),
    32: (UnexpectedReply, "bad image"),
    33: (StoreUnavailable, "the torrent is active already"),
    34: (RateLimited, "too many requests"),
    35: (Refused, "refused as infringing"),
    36: (QuotaExhausted, "the fair use limit is reached"),
    37: (AccountProblem, "the service has switched this call off"),
}


def address_refused(error: str) -> str:
    """The reason of that number, with the address that the service saw where it says so: its error
    is then such as `ip_not_allowed_203.0.113.7`.
    """
    _, reason = ERRORS[ADDRESS_REFUSED]
    try:
        address = ip_address(error.rpartition("_")[2])
    except ValueError:
        return reason
    return reason.replace("our address", f"our address {address}")
