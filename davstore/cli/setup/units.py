"""systemd units for a server and its mount: of a person (`user`) or of the machine (`system`).

Options are chosen so that `systemd-analyze security` finds little. The mount must not live in a
mount namespace of its own, where nobody else would see it: so none of what makes one is there.

A person's manager has no privileges, so that it can do less for them (systemd.exec(5)):
- What takes capabilities away (CapabilityBoundingSet=, and with it PrivateDevices=, ProtectClock=,
  ProtectKernelLogs=, ProtectKernelModules=) fails with 218/CAPABILITIES where a machine allows no
  user namespaces; there are none to take away.
- IPAddressDeny= and DevicePolicy=, which are BPF, do nothing; User= and DynamicUser= cannot be.
- Homes (ProtectHome=), /tmp and all else that the person may write stay open, since the
  configuration, tokens and shares lie wherever they like.
- What is a mount namespace (ProtectSystem= and its like) is passed over where there can be none.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["user", "system"]

_CALLS: Final = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
UMask=0077
"""
_SEALED: Final = """\
DynamicUser=yes
CapabilityBoundingSet=
DevicePolicy=closed
MemoryDenyWriteExecute=yes
PrivateDevices=yes
PrivateUsers=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
"""

_OWN: Final = """\
KeyringMode=private
MemoryDenyWriteExecute=yes
PrivateMounts=yes
ProcSubset=pid
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=full
"""
"""What of that a person's manager can do too, or passes over."""

_SERVER: Final = """\
[Unit]
Description=davstore, debrid accounts over WebDAV
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart={program} serve --config {config}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
TimeoutStartSec=150
LimitNOFILE=65536
{place}{calls}RestrictNamespaces=yes
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
{sealed}
[Install]
WantedBy={target}
"""

_MOUNT: Final = """\
[Unit]
Description=davstore mounted at {place}
After=davstore.service
Wants=davstore.service

[Service]
Type=notify
ExecStart={program} mount {place} --config {config} --password-file {password} --user {user}{more}
Restart=on-failure
RestartSec=5
TimeoutStopSec=30
{environment}{calls}
[Install]
WantedBy={target}
"""

_MOUNTING_USER: Final = """\
KeyringMode=private
UMask=0077
"""
"""A person mounts by the set-uid fusermount3, which must be let have its privileges: a person's
manager takes them away (NoNewPrivileges=) with whatever is filtered, be it LockPersonality= alone.
"""

_MOUNTING_ROOT: Final = (
    _CALLS
    + """\
CapabilityBoundingSet=CAP_SYS_ADMIN CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE
RestrictNamespaces=yes
SystemCallFilter=@system-service @mount
SystemCallErrorNumber=EPERM
DevicePolicy=closed
DeviceAllow=/dev/fuse rw
"""
)


@dataclass(frozen=True, slots=True)
class Units:
    """What the units are about. Without `place` there is no mount."""

    kind: Kind
    program: str
    config: Path
    password: Path
    user: str
    place: Path | None = None

    @property
    def folder(self) -> Path:
        """Where systemd looks for them."""
        if self.kind == "system":
            return Path("/etc/systemd/system")
        return Path("~/.config/systemd/user").expanduser()

    def texts(self) -> dict[str, str]:
        """The text of each unit, by its file's name."""
        texts = {"davstore.service": self._server()}
        if self.place is not None:
            texts["davstore-mount.service"] = self._mount()
        return texts

    @property
    def commands(self) -> list[str]:
        """What starts them now and at every boot."""
        names = " ".join(self.texts())
        if self.kind == "system":
            return ["sudo systemctl daemon-reload", f"sudo systemctl enable --now {names}"]
        return ["systemctl --user daemon-reload", f"systemctl --user enable --now {names}",
                "loginctl enable-linger"]  # fmt: skip

    def _server(self) -> str:
        """The machine's server sees no file of the machine's but the ones handed to it."""
        is_system = self.kind == "system"
        handed = (
            f"LoadCredential=config.toml:{_escaped(self.config)}\n"
            "StateDirectory=davstore\nStateDirectoryMode=0700\n"
            "Environment=DAVSTORE_SERVER__STATE=/var/lib/davstore\n"
        )
        return _SERVER.format(
            program=_escaped(self.program),
            config="${CREDENTIALS_DIRECTORY}/config.toml" if is_system else _escaped(self.config),
            place=handed if is_system else "",
            calls=_CALLS,
            sealed=_SEALED if is_system else _OWN,
            target="multi-user.target" if is_system else "default.target",
        )

    def _mount(self) -> str:
        is_system = self.kind == "system"
        cache = "CacheDirectory=davstore\nEnvironment=XDG_CACHE_HOME=/var/cache/davstore\n"
        return _MOUNT.format(
            program=_escaped(self.program),
            place=_escaped(self.place or ""),
            config=_escaped(self.config),
            password=_escaped(self.password),
            user=_escaped(self.user),
            more=" --allow-other" if is_system else "",
            environment=cache if is_system else "",
            calls=_MOUNTING_ROOT if is_system else _MOUNTING_USER,
            target="multi-user.target" if is_system else "default.target",
        )


def _escaped(word: object) -> str:
    """As one word of a unit (systemd.service(5), "Command lines")."""
    text = str(word).replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    return '"' + text.replace('"', '\\"') + '"' if set(text) & set(" \t'\";") else text
