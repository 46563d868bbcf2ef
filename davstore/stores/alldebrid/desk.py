"""What an owner asks of the account: who it is, its hosts and quotas, its notices and vouchers."""

from davstore.errors import UnexpectedReply
from davstore.model import Account, HostState, Quota, Vouchers
from davstore.stores.alldebrid.api import NO_API, Part
from davstore.stores.alldebrid.shapes import Host, User, VoucherRow
from davstore.stores.base import certain
from davstore.stores.shapes import legible, objects, read, whole

MB = 1_000_000
DURATIONS = (15, 30, 90, 180, 365)
MOST_VOUCHERS = 10


class Desk(Part):
    """What is asked by command."""

    def account(self) -> Account:
        """`GET /v4/user`."""
        with certain(self.name, NO_API):
            data = self._api.get("/v4/user", urgent=True)
        user = read(User, data.get("user"), self.name)
        plan = "premium" if user.isPremium else "trial" if user.isTrial else "free"
        quotas: tuple[Quota, ...] = ()
        if user.remainingTrialQuota is not None:
            quotas = (Quota("trial traffic", left=user.remainingTrialQuota * MB),)
        quotas += tuple(
            Quota(f"{host}, daily", left=left * MB)
            for host, told in objects(user.limitedHostersQuotas).items()
            if (left := whole(told)) is not None
        )
        notices = tuple(map(str, user.notifications))
        return Account(user.username, plan, user.premiumUntil, quotas, notices)

    def limits(self) -> tuple[Quota, ...]:
        """The quotas of hosts that have one."""
        return tuple(host.quota for host in self._own_hosts() if host.quota is not None)

    def hosts(self) -> tuple[HostState, ...]:
        """What this account can use, and the streaming sites and redirectors that all can."""
        with certain(self.name, NO_API):
            others = self._api.get("/v4/hosts", is_public=True)
        found = {host.name: host for host in self._own_hosts()}
        for kind in ("streams", "redirectors"):
            for name, value in objects(others.get(kind)).items():
                row = legible(Host, value)
                if row is not None and name not in found:
                    found[name] = HostState(name, tuple(map(str, row.domains)), row.status)
        return tuple(sorted(found.values(), key=lambda host: host.name.lower()))

    def dismiss(self, notice: str) -> None:
        """`POST /v4/user/notification/clear`."""
        with certain(self.name, NO_API):
            self._api.post("/v4/user/notification/clear", {"code": notice})

    def balance(self) -> Vouchers:
        """`GET /v4/voucher/balance`, for resellers only."""
        with certain(self.name, NO_API):
            row = read(VoucherRow, self._api.get("/v4/voucher/balance"), self.name)
        return Vouchers(balance=row.balance)

    def vouchers(self, days: int, count: int, *, buy: bool) -> Vouchers:
        """Vouchers in stock, or new ones, for resellers only."""
        if days not in DURATIONS or not 1 <= count <= MOST_VOUCHERS:
            allowed = f"{', '.join(map(str, DURATIONS))} days, 1 to {MOST_VOUCHERS} at once"
            raise UnexpectedReply(self.name, f"there are no such vouchers; there are: {allowed}")
        form = {"duration": days, "nb": count}
        with certain(self.name, NO_API):
            if buy:
                data = self._api.post("/v4/voucher/generate", form, once=True)
            else:
                data = self._api.post("/v4/voucher/get", form, once=True)
        row = read(VoucherRow, data, self.name)
        codes = tuple(map(str, row.codes))
        return Vouchers(codes, row.balance, row.pricePerVoucher, row.partialList)

    def _own_hosts(self) -> tuple[HostState, ...]:
        with certain(self.name, NO_API):
            data = self._api.get("/v4.1/user/hosts")
        rows = {name: legible(Host, value) for name, value in objects(data.get("hosts")).items()}
        return tuple(_state(name, row) for name, row in rows.items() if row is not None)


def _state(name: str, row: Host) -> HostState:
    quota = None
    if row.quota is not None:
        by_number = row.quotaType == "nb_download"
        factor, unit = (1, "downloads") if by_number else (MB, "bytes")
        limit = None if row.quotaMax is None else row.quotaMax * factor
        quota = Quota(f"{name}, daily", row.quota * factor, limit, unit)
    return HostState(name, tuple(map(str, row.domains)), row.status, quota)
