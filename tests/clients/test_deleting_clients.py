"""Real clients that delete, restore and rename in an account; each ends as its user meant."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.clients.conftest import PASSWORD, USER, Rclone, run
from tests.serving import Serving, serving, wait_until

pytestmark = pytest.mark.client

Need = Callable[..., None]
MAGNETS, TRASH = "dav:realdebrid/magnets", "dav:realdebrid/trash"
FILES = ("film.mkv", "Subs/de.srt", "Subs/deep/en.srt", "cover.jpg")


@pytest.fixture
def served(sim: Simulator, tmp_path: Path) -> Iterator[Serving]:
    for name in ("Sintel", "Spring", "Charge ? # & 100%"):
        files = [SimFile(path, Content.random(f"{name}/{path}", 999)) for path in FILES]
        sim.realdebrid.add(SimMagnet(name, files))
    changes = {"realdebrid": {"delete": True}}
    with serving(
        sim, tmp_path, accounts=("realdebrid",), changes=changes, user=USER, password=PASSWORD
    ) as s:
        yield s


@pytest.fixture
def rclone(served: Serving, need: Need, tmp_path: Path) -> Rclone:
    need("rclone")
    call = Rclone(str(tmp_path / "rclone.conf"))
    login = [f"user={USER}", f"pass={PASSWORD}", "--obscure"]
    call("config", "create", "dav", "webdav", f"url={served.url}", "vendor=other", *login)
    return call


@pytest.fixture
def mounted(rclone: Rclone, need: Need, tmp_path: Path) -> Iterator[Path]:
    need("fusermount3")
    if not Path("/dev/fuse").exists():
        need("/dev/fuse")
    place = tmp_path / "mount"
    place.mkdir()
    options = ["--vfs-cache-mode", "off", "--dir-cache-time", "1s"]
    process = subprocess.Popen(rclone.command("mount", "dav:", str(place), *options))
    try:
        wait_until(place.is_mount)
        yield place / "realdebrid"
    finally:
        subprocess.run(["fusermount3", "-u", str(place)], check=False)
        process.wait(20)


def listed(rclone: Rclone, folder: str) -> list[str]:
    return sorted(line.rstrip("/") for line in rclone("lsf", folder).splitlines())


def at_the_store(sim: Simulator) -> set[str]:
    return {magnet.name for _, magnet in sim.realdebrid.library}


def test_rclone_deletes_one_file(rclone: Rclone, sim: Simulator) -> None:
    rclone("deletefile", f"{MAGNETS}/Sintel/cover.jpg")
    assert listed(rclone, f"{MAGNETS}/Sintel") == ["Subs", "film.mkv"]
    assert len(at_the_store(sim)) == 3


@pytest.mark.parametrize("command", [["delete"], ["delete", "--rmdirs"], ["purge"]])
def test_rclone_deletes_a_magnet(rclone: Rclone, sim: Simulator, command: list[str]) -> None:
    rclone(*command, f"{MAGNETS}/Charge ? # & 100%")
    assert listed(rclone, TRASH) == ["Charge ? # & 100%"]
    rclone("moveto", f"{TRASH}/Charge ? # & 100%", f"{MAGNETS}/Charge again")
    kept = rclone("lsf", "-R", "--files-only", f"{MAGNETS}/Charge again").splitlines()
    assert sorted(kept) == sorted(FILES)
    rclone("purge", f"{MAGNETS}/Charge again")
    rclone("purge", f"{TRASH}/Charge again")
    wait_until(lambda: at_the_store(sim) == {"Sintel", "Spring"})


def test_rclone_renames(rclone: Rclone) -> None:
    rclone("moveto", f"{MAGNETS}/Sintel", f"{MAGNETS}/Sintel ; # ? (2010)")
    rclone("moveto", f"{MAGNETS}/Sintel ; # ? (2010)/film.mkv",
           f"{MAGNETS}/Sintel ; # ? (2010)/a ; # ? b.mkv")  # fmt: skip
    assert listed(rclone, f"{MAGNETS}/Sintel ; # ? (2010)") == [
        "Subs", "a ; # ? b.mkv", "cover.jpg",
    ]  # fmt: skip


def test_rclone_that_may_not_overwrite_deletes_nothing(rclone: Rclone, tmp_path: Path) -> None:
    (tmp_path / "other.jpg").write_text("other")
    copy = rclone.command(
        "copyto", "--retries", "1", str(tmp_path / "other.jpg"), f"{MAGNETS}/Sintel/cover.jpg"
    )
    assert subprocess.run(copy, capture_output=True, timeout=60).returncode != 0
    assert "cover.jpg" in listed(rclone, f"{MAGNETS}/Sintel")


def test_rm_and_mv_through_a_mount(mounted: Path, rclone: Rclone, sim: Simulator) -> None:
    run("rm", "-r", str(mounted / "magnets/Sintel"))
    assert listed(rclone, TRASH) == ["Sintel"]
    wait_until((mounted / "trash/Sintel").exists)
    run("mv", str(mounted / "trash/Sintel"), str(mounted / "magnets/Back"))
    assert sorted(rclone("lsf", "-R", "--files-only", f"{MAGNETS}/Back").split()) == sorted(FILES)
    run("rm", "-r", str(mounted / "magnets/Back/Subs"))
    assert listed(rclone, f"{MAGNETS}/Back") == ["cover.jpg", "film.mkv"]
    run("rm", "-r", str(mounted / "magnets/Back"))
    wait_until((mounted / "trash/Back").exists)
    run("rm", "-r", str(mounted / "trash/Back"))
    wait_until(lambda: at_the_store(sim) == {"Spring", "Charge ? # & 100%"})


def test_cadaver_deletes_moves_and_restores(
    served: Serving, rclone: Rclone, need: Need, tmp_path: Path
) -> None:
    need("cadaver")
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    netrc.chmod(0o600)
    commands = "cd realdebrid/magnets\ndelete Sintel/cover.jpg\nrmcol Sintel\nmove Spring Autumn\n"
    commands += "cd ../trash\nmove Sintel ../magnets/Back\nquit\n"
    said = subprocess.run(
        ["cadaver", served.url], input=commands, text=True, capture_output=True,
        timeout=60, cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    ).stdout  # fmt: skip
    assert "failed" not in said, said
    assert listed(rclone, MAGNETS) == ["Autumn", "Back", "Charge ? # & 100%"]
    assert listed(rclone, f"{MAGNETS}/Back") == ["Subs", "cover.jpg", "film.mkv"]
