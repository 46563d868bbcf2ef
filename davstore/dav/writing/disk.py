"""Files and folders of this machine as WsgiDAV's resources, whole or not there at all.

A file is written beside the tree and takes its place once it is complete.
"""

import contextlib
import errno
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lxml import etree
from wsgidav.dav_error import (
    HTTP_BAD_REQUEST,
    HTTP_FORBIDDEN,
    HTTP_INSUFFICIENT_STORAGE,
    HTTP_INTERNAL_ERROR,
    DAVError,
)
from wsgidav.dav_provider import _DAVResource  # the base of both has no other name
from wsgidav.fs_dav_provider import FileResource, FolderResource

from davstore.dav.http.media_types import media_type
from davstore.dav.http.times import TIMES
from davstore.dav.listing.properties import etag as quoted
from davstore.dav.writing.room import LEAST, PARTIAL, taken
from davstore.model import File, Folder, Leaf

log = logging.getLogger(__name__)

ABANDONED = 86_400
MARK = "folder"
"""A file's name among what is not complete; none there is called so."""
AT_ONCE = 1024 * 1024
"""Bytes that are kept free for a body of unknown length whenever what was kept is used up."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP}


@contextlib.contextmanager
def disk_trouble() -> Iterator[None]:
    """What the disk says, as a status; its own text would name the machine's folders."""
    try:
        yield
    except OSError as error:
        log.warning("scratch: %s", error.strerror or type(error).__name__)
        if error.errno in _FULL:
            raise DAVError(HTTP_INSUFFICIENT_STORAGE, "The disk is full.") from None
        if error.errno in _REFUSED:
            raise DAVError(HTTP_FORBIDDEN, "The disk does not take this.") from None
        raise DAVError(HTTP_INTERNAL_ERROR, "The disk failed.") from None


class _OnDisk(_DAVResource):
    """What files and folders have in common."""

    file_stat: os.stat_result
    _file_path: str

    def get_creation_date(self) -> float:
        return self.file_stat.st_ctime

    def get_href(self) -> str:
        address: str = self.provider.href(self.get_preferred_path())
        return address

    def get_properties(
        self, mode: str, *, name_list: list[str] | None = None
    ) -> list[tuple[str, Any]]:
        """Found ones first: clients such as rclone look at the first propstat alone."""
        found: list[tuple[str, Any]] = super().get_properties(mode, name_list=name_list)
        return sorted(found, key=lambda pair: isinstance(pair[1], DAVError))

    def set_property_value(self, name: str, value: Any, *, dry_run: bool = False) -> Any:
        """Times are set as well as remembered; a date that cannot be read changes nothing."""
        if name in TIMES and value is not None:
            with contextlib.suppress(AssertionError, ValueError, OverflowError, OSError):
                self.set_last_modified(self.path, value.text, dry_run=dry_run)
            if name.startswith("{DAV:}"):
                return True
        return super().set_property_value(name, value, dry_run=dry_run)

    def delete(self) -> None:
        freed = taken(Path(self._file_path))
        with disk_trouble():
            if self.is_collection:
                shutil.rmtree(self._file_path)
            else:
                Path(self._file_path).unlink()
        self.provider.room.settle(0, -freed)
        self.provider.prop_manager.remove_properties(self.get_ref_url())
        self.remove_all_locks(recursive=True)

    def copied_to(self, place: Path, *, whole: bool) -> None:
        """Copy it to `place`, where nothing stands; without members unless `whole`."""
        source, room = Path(self._file_path), self.provider.room
        count = taken(source) if whole else LEAST
        room.take(count)
        change = 0
        try:
            with disk_trouble(), incomplete(self.provider.root) as partial:
                if not source.is_dir():
                    shutil.copy2(source, partial)
                elif whole:
                    shutil.copytree(source, partial, symlinks=True, ignore=_without_partial)
                else:
                    partial.mkdir()
                before = taken(place)
                partial.replace(place)
                change = count - before
        finally:
            room.settle(count, change)


def _without_partial(_folder: str, names: list[str]) -> set[str]:
    return {PARTIAL}.intersection(names)


@contextlib.contextmanager
def incomplete(root: Path) -> Iterator[Path]:
    """A path for what is not complete yet; what is left there afterwards is removed."""
    folder = root / PARTIAL
    folder.mkdir(exist_ok=True)
    path = folder / uuid.uuid4().hex
    try:
        yield path
    finally:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def mark(root: Path, *, new: bool = False) -> str:
    """What tells this folder from all others, wherever it is mounted; "" if it is not marked.
    It is marked where it is to be a `new` one.
    """
    path = root / PARTIAL / MARK
    if new and not path.exists():
        with contextlib.suppress(OSError), incomplete(root) as draft:
            draft.write_text(uuid.uuid4().hex, "ascii")
            os.link(draft, path)  # whole, and only one of several that come at once
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        return ""


def sweep(root: Path, now: Callable[[], float] = time.time) -> None:
    """Remove what was left incomplete by a server that was killed, a day ago or more."""
    with contextlib.suppress(OSError):
        for path in (root / PARTIAL).iterdir():
            if path.name == MARK or path.lstat().st_mtime > now() - ABANDONED:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


class DiskFile(_OnDisk, FileResource):
    """A file. One that `is_new` was made for the content that this request brings."""

    is_new = False
    _writing: "_Writing | None" = None

    @property
    def leaf(self) -> Leaf:
        """The file as an entry; its `ref` is where it lies."""
        found = self.file_stat
        identity = f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"
        file = File(self.name, self._file_path)
        return Leaf(self.name, "", file, identity, found.st_size, found.st_mtime)

    def get_etag(self) -> str:
        """WsgiDAV wants it without quotes here; the property carries them."""
        return self.leaf.identity

    def get_content_type(self) -> str:
        return media_type(self.name)

    def get_property_value(self, name: str) -> Any:
        if name == "{DAV:}getetag":
            return quoted(self.leaf)
        return super().get_property_value(name)

    def begin_write(self, *, content_type: str | None = None) -> "_Writing":
        self._writing = _Writing(self)
        return self._writing

    def end_write(self, *, with_errors: bool) -> None:
        if with_errors and self._writing is not None:
            self._writing.give_up()
        if with_errors and self.is_new:
            self.delete()
        else:
            self.file_stat = Path(self._file_path).stat()


class _Writing:
    """The content of a file on its way; `close` puts it in its place."""

    def __init__(self, file: DiskFile) -> None:
        length = file.environ.get("CONTENT_LENGTH")
        self._expected = int(length) if length else None
        self._room = file.provider.room
        self._target = Path(file.provider.file_path(file.path, file.environ))
        self._room.take(self._expected or 0)
        self._taken = self._expected or 0
        self._count = self._change = 0
        with contextlib.ExitStack() as end, disk_trouble():
            end.callback(lambda: self._room.settle(self._taken, self._change))
            self._partial = end.enter_context(incomplete(file.provider.root))
            self._file = end.enter_context(self._partial.open("wb"))
            self._end = end.pop_all()

    def write(self, data: bytes) -> None:
        self._count += len(data)
        if self._count > self._taken:
            more = max(self._count - self._taken, min(AT_ONCE, self._room.left))
            self._room.take(more)
            self._taken += more
        with disk_trouble():
            self._file.write(data)

    def close(self) -> None:
        if self._expected is not None and self._count != self._expected:
            raise DAVError(HTTP_BAD_REQUEST, "The body is not as long as announced.")
        with disk_trouble():
            self._file.close()
            before = taken(self._target)
            self._partial.replace(self._target)
            self._change = max(LEAST, self._count) - before
            self._end.close()

    def give_up(self) -> None:
        """Leave everything as it was."""
        with contextlib.suppress(OSError):
            self._end.close()


class DiskFolder(_OnDisk, FolderResource):
    """A folder."""

    @property
    def folder(self) -> Folder:
        """The folder as an entry."""
        entries = [
            member.leaf if isinstance(member, DiskFile)
            else Folder(member.name, {}, member.file_stat.st_mtime)
            for member in self.get_member_list()
        ]  # fmt: skip
        modified = self.file_stat.st_mtime
        return Folder(self.name, {entry.name: entry for entry in entries}, modified)

    def get_property_names(self, *, is_allprop: bool) -> list[str]:
        names: list[str] = super().get_property_names(is_allprop=is_allprop)
        return [*names, "{DAV:}getcontentlength", "{DAV:}iscollection"]

    def get_property_value(self, name: str) -> Any:
        # Infuse takes a folder without these for a file (WsgiDAV issue 316).
        if name == "{DAV:}getcontentlength":
            return "0"
        if name == "{DAV:}iscollection":
            return "1"
        if name == "{DAV:}resourcetype":
            element = etree.Element(name)
            etree.SubElement(element, "{DAV:}collection")
            return element
        return super().get_property_value(name)

    def get_used_bytes(self) -> int:
        used: int = self.provider.room.used
        return used

    def get_available_bytes(self) -> int:
        with disk_trouble():
            free = shutil.disk_usage(self._file_path).free
        left: int = self.provider.room.left
        return min(left, free)

    def get_member_names(self) -> list[str]:
        with disk_trouble():
            names: list[str] = super().get_member_names()
        return sorted(name for name in names if name != PARTIAL and _is_text(name))

    def get_member_list(self) -> list["DiskFile | DiskFolder"]:
        """Those that are still there."""
        members = (self.get_member(name) for name in self.get_member_names())
        return [member for member in members if member is not None]

    def create_empty_resource(self, name: str) -> DiskFile:
        with self._one_more():
            made: DiskFile = super().create_empty_resource(name)
        made.is_new = True
        return made

    def create_collection(self, name: str) -> None:
        with self._one_more():
            super().create_collection(name)

    def support_recursive_delete(self) -> bool:
        return True

    @contextlib.contextmanager
    def _one_more(self) -> Iterator[None]:
        room = self.provider.room
        room.take(LEAST)
        change = 0
        try:
            with disk_trouble():
                yield
            change = LEAST
        finally:
            room.settle(LEAST, change)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
