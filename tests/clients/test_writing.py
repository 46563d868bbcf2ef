"""Real clients that write into a share."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from webdav3.client import Client

from tests.clients.conftest import PASSWORD, USER, Rclone, run
from tests.serving import Serving, wait_until

pytestmark = pytest.mark.client

Need = Callable[..., None]
ODD = ["plain.srt", "a ? b.srt", "a ; b.srt", "a # b.srt", "100 %25.srt", "é | [x] & 'y'.srt"]


@pytest.fixture(scope="module")
def scratch(writable: Serving, need: Need, tmp_path_factory: pytest.TempPathFactory) -> Rclone:
    need("rclone")
    call = Rclone(str(tmp_path_factory.mktemp("rclone") / "rclone.conf"))
    login = [f"user={USER}", f"pass={PASSWORD}", "--obscure"]
    url = f"url={writable.url}scratch/"
    call("config", "create", "dav", "webdav", url, "vendor=other", *login)
    return call


def test_rclone_copies_moves_and_purges(scratch: Rclone, tmp_path: Path) -> None:
    for name in ODD:
        (tmp_path / name).write_text(name)
    scratch("copy", str(tmp_path), "dav:in")
    scratch("check", "--download", str(tmp_path), "dav:in")
    for name in ODD:
        scratch("moveto", f"dav:in/{name}", f"dav:out/{name}")
    scratch("check", "--download", str(tmp_path), "dav:out")
    scratch("copyto", "dav:out/a ? b.srt", "dav:out/a ? c.srt")
    scratch("moveto", "dav:out", "dav:moved")
    assert sorted(scratch("lsf", "dav:moved").splitlines()) == sorted([*ODD, "a ? c.srt"])
    scratch("purge", "dav:moved")
    assert "moved" not in scratch("lsf", "dav:")


def test_webdavclient3_writes(writable: Serving, tmp_path: Path) -> None:
    client = Client(
        {
            "webdav_hostname": f"{writable.url}scratch/",
            "webdav_login": USER,
            "webdav_password": PASSWORD,
        }
    )
    (tmp_path / "a").write_text("text")
    client.mkdir("folder")
    client.upload_sync("folder/a", str(tmp_path / "a"))
    client.set_property("folder/a", {"namespace": "urn:x", "name": "note", "value": "kept"})
    assert client.get_property("folder/a", {"namespace": "urn:x", "name": "note"}) == "kept"
    client.move("folder/a", "folder/b")
    client.copy("folder/b", "folder/c")
    assert client.list("folder")[-2:] == ["b", "c"]
    client.clean("folder")
    assert not client.check("folder")


def test_cadaver_writes(writable: Serving, need: Need, tmp_path: Path) -> None:
    need("cadaver")
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    netrc.chmod(0o600)
    (tmp_path / "a.srt").write_text("text")
    commands = "mkcol c\ncd c\nput a.srt\nlock a.srt\npropset a.srt note kept\nunlock a.srt\n"
    commands += "propget a.srt note\ncopy a.srt b.srt\nmove b.srt d.srt\ndelete d.srt\nls\nquit\n"
    said = subprocess.run(
        ["cadaver", f"{writable.url}scratch/"], input=commands, text=True, capture_output=True,
        timeout=60, cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    ).stdout  # fmt: skip
    assert "failed" not in said, said
    assert "kept" in said
    assert "a.srt" in said


def test_a_mount_writes_renames_and_removes(
    scratch: Rclone, writable: Serving, need: Need, tmp_path: Path
) -> None:
    need("rclone", "fusermount3")
    if not Path("/dev/fuse").exists():
        need("/dev/fuse")
    folder = tmp_path / "mount"
    folder.mkdir()
    process = subprocess.Popen(
        # Without a cache a file is closed only when it has arrived.
        scratch.command("mount", "dav:", str(folder), "--vfs-cache-mode", "off")
    )
    try:
        wait_until(folder.is_mount)
        (folder / "show").mkdir()
        (folder / "show" / "a.nfo").write_text("text")
        assert writable.get("/scratch/show/a.nfo").content == b"text"
        (folder / "show" / "a.nfo").rename(folder / "show" / "b ? c.nfo")
        assert writable.get("/scratch/show/b%20%3F%20c.nfo").content == b"text"
        run("rm", "-r", str(folder / "show"))
        assert writable.get("/scratch/show/").status_code == 404
    finally:
        subprocess.run(["fusermount3", "-u", str(folder)], check=False)
        process.wait(20)
