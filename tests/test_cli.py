"""The commands, as a person types them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w

from davstore import __version__
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.commands import answers, complaint, davstore, free_port
from tests.serving import wait_until, write_config


@pytest.fixture
def account(sim: Simulator) -> Simulator:
    files = [
        SimFile("Sintel.mkv", Content.random("sintel", 1_500_000)),
        SimFile("a/b.srt", Content.of(b"x")),
    ]
    sim.alldebrid.add(SimMagnet("Sintel [1080p]", files=files, folder=False))
    return sim


@pytest.fixture
def config(account: Simulator, tmp_path: Path) -> Path:
    return write_config(account, tmp_path, accounts=("alldebrid",))


@pytest.fixture
def serving(config: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "davstore", "serve", "-c", str(config)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DAVSTORE_SERVER__PORT": str(free_port())},
    )
    yield process
    process.kill()
    process.wait(10)


def test_it_says_its_version() -> None:
    command = [sys.executable, "-m", "davstore", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"davstore {__version__}"


def test_check_says_who_each_account_is(config: Path) -> None:
    done = davstore("check", "-c", str(config))
    assert done.returncode == 0, done.stderr
    assert "ada" in done.stdout
    assert "1 of 1 ready" in done.stdout


def test_check_says_what_is_wrong_with_which_account(account: Simulator, tmp_path: Path) -> None:
    config = write_config(account, tmp_path, accounts=("alldebrid", "realdebrid"))
    done = davstore("check", "-c", str(config), DAVSTORE_ACCOUNTS__REALDEBRID__TOKEN="wrong")
    assert done.returncode == 1
    assert "get one at real-debrid.com/apitoken" in done.stdout
    assert "1 of 1 ready" in done.stdout


def test_ls_lists_the_tree_with_sizes(config: Path) -> None:
    done = davstore("ls", "-R", "/alldebrid", "-c", str(config))
    assert done.returncode == 0, done.stderr
    assert "magnets/Sintel [1080p]/Sintel.mkv" in done.stdout
    assert "1.5 MB" in done.stdout


def test_ls_of_nothing_says_so(config: Path) -> None:
    said = complaint(davstore("ls", "/alldebrid/magnets/nothing", "-c", str(config)))
    assert "nothing stands at" in said


def test_ls_of_a_view_of_which_nothing_is_known_says_so(account: Simulator, tmp_path: Path) -> None:
    views = {"Movies": {"kind": "movie"}}
    config = write_config(account, tmp_path, accounts=("alldebrid",), views=views)
    account.alldebrid.stop()
    said = complaint(davstore("ls", "/Movies", "-c", str(config)))
    assert "nothing is known of Movies yet; `davstore refresh` asks" in said


def test_a_hash_made_by_password_lets_that_password_in(account: Simulator, tmp_path: Path) -> None:
    made = davstore("password", stdin="secret words\n").stdout.strip()
    assert made.startswith("$argon2id$")
    users = [{"name": "anna", "password": made}]
    config = write_config(account, tmp_path, accounts=("alldebrid",), users=users)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "davstore", "serve", "-c", str(config)],
        env={**os.environ, "DAVSTORE_SERVER__PORT": str(port)},
    )
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_until(lambda: answers(url, ("anna", "secret words")) == 200)
        assert answers(url, ("anna", "other words")) == 401
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_config_shows_what_is_in_force_without_secrets(config: Path, account: Simulator) -> None:
    done = davstore("config", "-c", str(config), DAVSTORE_SERVER__REFRESH="99")
    assert "refresh = 99" in done.stdout
    assert "**" in done.stdout
    assert account.alldebrid.settings["token"] not in done.stdout


def test_a_name_that_the_terminal_cannot_show_ends_no_command(config: Path) -> None:
    own = {"DAVSTORE_USERS__0__NAME": "Zoë", "DAVSTORE_USERS__0__PASSWORD": "p"}
    done = subprocess.run(  # Python settles what is written how as it begins
        [sys.executable, "-m", "davstore", "config", "-c", str(config)], capture_output=True,
        text=True, env=os.environ | own | {"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert r"Zo\xeb" in done.stdout, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_cleanly_when_told(serving: subprocess.Popen[str], number: int) -> None:
    assert serving.stderr
    while "serving" not in serving.stderr.readline():
        assert serving.poll() is None
    serving.send_signal(number)
    assert serving.wait(10) == 0


def test_a_port_in_use_is_said_with_its_cure(config: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = complaint(davstore("serve", "-c", str(config), DAVSTORE_SERVER__PORT=port))
    assert f"port {port} of 127.0.0.1 is in use" in said.replace("\n", " ")


def test_an_unusable_state_folder_is_said_with_its_cure(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = complaint(
        davstore("serve", "-c", str(config), DAVSTORE_SERVER__STATE=str(tmp_path / "file"))
    )
    assert "server.state" in said


def test_every_problem_of_a_configuration_is_said_at_once(tmp_path: Path) -> None:
    config = tmp_path / "davstore.toml"
    with config.open("wb") as file:
        tomli_w.dump(
            {
                "server": {"prot": 1, "port": 99999, "host": "0.0.0.0"},
                "accounts": {
                    "rd": {"store": "realdebrid", "tokn": "SECRETSECRET"},
                    "ad": {"store": "aldebrid"},
                    "st": {"store": "stremthru", "url": "ftp://x", "store_name": "torbox"},
                    "file": {"store": "alldebrid", "token_file": "/nonexistent/token"},
                },
            },
            file,
        )
    done = davstore("serve", "-c", str(config))
    said = complaint(done)
    assert done.returncode == 2
    for expected in (
        "server.prot: is not known; did you mean port?",
        "server.port: 99999 is not allowed; allowed is 65535 or less",
        "accounts.rd.tokn: is not known; did you mean token?",
        "accounts.ad.store: 'aldebrid' is not known; did you mean alldebrid?",
        "accounts.st.url: is no http or https URL",
        "accounts.file: token_file '/nonexistent/token': No such file or directory",
    ):
        assert expected in said, said
    assert "SECRETSECRET" not in said


@pytest.mark.parametrize("url", ["http://anna:SECRET@127.0.0.1/", "SECRET", "http://h/?SECRET"])
def test_an_address_to_mount_that_is_none_is_said_without_its_login(
    tmp_path: Path, url: str
) -> None:
    done = davstore("mount", str(tmp_path / "place"), "--url", url)
    assert "Invalid value for '--url'" in complaint(done)
    assert (done.returncode, "SECRET" in done.stderr) == (2, False)


def test_a_config_file_that_is_missing_is_named(tmp_path: Path) -> None:
    said = complaint(davstore("check", "-c", str(tmp_path / "none.toml")))
    assert "none.toml" in said
    assert "No such file" in said


def test_without_any_account_the_way_to_one_is_shown(tmp_path: Path) -> None:
    said = complaint(davstore("serve", XDG_CONFIG_HOME=str(tmp_path)))
    assert "davstore demo" in said
