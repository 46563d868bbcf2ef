"""nginx and Caddy in front of a server, set up as the README says."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.conftest import Certified
from tests.serving import wait_until

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
PREFIX = "/dav"
SETTINGS = {"proxies": ["127.0.0.1"], "prefix": PREFIX}


@contextmanager
def proxy(kind: str, served: str, certified: Certified, folder: Path) -> Iterator[str]:
    """The https URL under which nginx or caddy shows the server at the URL `served`."""
    port = _free_port()
    found = re.search(rf"<!-- {kind} -->\n```\w*\n(.*?)```", README, re.DOTALL)
    assert found, f"the README shows no {kind}"
    text = found[1].replace("127.0.0.1:8080", urlsplit(served).netloc)
    write = _nginx if kind == "nginx" else _caddy
    command = write(text, port, certified, folder)
    with (folder / f"{kind}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log,
            env={"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )  # fmt: skip
    try:
        wait_until(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, (folder / f"{kind}.log").read_text("utf-8")
        yield f"https://127.0.0.1:{port}{PREFIX}/"
    finally:
        process.terminate()
        process.wait(10)


def _nginx(server: str, port: int, certified: Certified, folder: Path) -> list[str]:
    server = server.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    server = re.sub(r"(ssl_certificate) .*;", rf"\1 {certified.certificate};", server)
    server = re.sub(r"(ssl_certificate_key) .*;", rf"\1 {certified.key};", server)
    places = "".join(
        f"{each}_temp_path {folder}/{each};\n"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nworker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{places}{server}}}\n"
    )
    folder.chmod(0o755)
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(path)]


def _caddy(site: str, port: int, certified: Certified, folder: Path) -> list[str]:
    site = site.replace(
        "dav.example.org {",
        f"https://127.0.0.1:{port} {{\n    tls {certified.certificate} {certified.key}",
    )
    path = folder / "Caddyfile"
    path.write_text(
        f"{{\n    admin off\n    auto_https disable_redirects\n    skip_install_trust\n}}\n{site}"
    )
    return ["caddy", "run", "--config", str(path), "--adapter", "caddyfile"]


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
