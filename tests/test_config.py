"""The configuration: file and environment, and every problem in words."""

from pathlib import Path

import pytest

from davstore import config
from davstore.errors import ConfigError
from davstore.stores import STORES

MODELS = {name: kind.settings for name, kind in STORES.items()}
ACCOUNT = '[accounts.rd]\nstore = "realdebrid"\ntoken = "TOKENTOKEN"\n'


def load(tmp_path: Path, text: str, **environ: str) -> config.Settings:
    path = tmp_path / "davstore.toml"
    path.write_text(text, "utf-8")
    return config.load(path, MODELS, environ)


def problems(tmp_path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **environ)
    lines = [str(problem) for problem in caught.value.problems]
    assert not any("\n" in line for line in lines)
    return lines


def test_defaults_are_enough_for_one_account(tmp_path: Path) -> None:
    settings = load(tmp_path, ACCOUNT)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.accounts["rd"].url == "https://api.real-debrid.com/rest/1.0"
    assert settings.users == ()


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    settings = load(
        tmp_path, "",
        DAVSTORE_ACCOUNTS__RD__STORE="realdebrid", DAVSTORE_ACCOUNTS__RD__TOKEN="x",
        DAVSTORE_SERVER__PORT="9000",
        DAVSTORE_USERS='[{"name": "anna", "password": "p"}]',
    )  # fmt: skip
    assert settings.server.port == 9000
    assert settings.accounts["rd"].secret == "x"
    assert settings.users[0].name == "anna"


def test_what_the_environment_says_wins_over_the_file(tmp_path: Path) -> None:
    text = '[server]\nport = 1234\n[accounts.RD]\nstore = "realdebrid"\ntoken = "old"\n'
    settings = load(
        tmp_path, text, DAVSTORE_SERVER__PORT="9000", DAVSTORE_ACCOUNTS__RD__TOKEN="new"
    )
    assert settings.server.port == 9000
    assert list(settings.accounts) == ["RD"]
    assert settings.accounts["RD"].secret == "new"


def test_users_may_be_numbered_in_the_environment(tmp_path: Path) -> None:
    settings = load(
        tmp_path, ACCOUNT, DAVSTORE_USERS__0__NAME="anna", DAVSTORE_USERS__0__PASSWORD="p"
    )
    assert settings.users[0].name == "anna"


def test_words_of_the_environment_stay_words(tmp_path: Path) -> None:
    text = '[accounts.p]\nstore = "plank"\nurl = "http://h"\nemail = "a@b"\n'
    settings = load(
        tmp_path, text, DAVSTORE_ACCOUNTS__P__PASSWORD="12345678", DAVSTORE_SERVER__TLS_CERT="",
        DAVSTORE_USERS__0__NAME="true", DAVSTORE_USERS__0__PASSWORD='[1"',
        DAVSTORE_SERVER__PROXIES='["10.0.0.0/8", "::1"]', DAVSTORE_PORT="tcp://10.0.0.1:80",
    )  # fmt: skip
    assert settings.accounts["p"].password.get_secret_value() == "12345678"
    assert settings.users[0].password is not None
    assert (settings.users[0].name, settings.users[0].password.get_secret_value()) == (
        "true",
        '[1"',
    )
    assert settings.server.tls_cert is None
    assert len(settings.server.proxies) == 2


def test_a_variable_that_is_no_setting_is_a_problem(tmp_path: Path) -> None:
    [line] = problems(tmp_path, ACCOUNT, DAVSTORE_SEVER__PORT="9000")
    assert line.startswith("sever: is not known; did you mean server?")


def test_accounts_keep_their_configured_order(tmp_path: Path) -> None:
    text = "".join(f'[accounts.{n}]\nstore = "realdebrid"\ntoken = "x"\n' for n in "zma")
    assert list(load(tmp_path, text).accounts) == ["z", "m", "a"]


def test_a_token_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    text = f'[accounts.rd]\nstore = "realdebrid"\ntoken_file = "{tmp_path / "token"}"\n'
    assert load(tmp_path, text).accounts["rd"].secret == "from-a-file"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[server]\nprot = 1\n' + ACCOUNT, "server.prot: is not known; did you mean port?"),
        (
            ACCOUNT + '[shares.S]\nkind = "scratch"\npath = "/x"\n',
            "shares.S: is no name for a share",
        ),
        (
            ACCOUNT + '[shares.rd]\nkind = "scratch"\npath = "/x"\n',
            "shares.rd: is an account's name too",
        ),
        (ACCOUNT + "[shares.s]\nkind = 5\n", "shares.s.kind: 5 is not allowed"),
        (ACCOUNT + '[shares.s]\nkind = "scratch"\n', "shares.s.path: is missing"),
        (
            '[server]\nstate = "/x/state"\n' + ACCOUNT
            + '[shares.s]\nkind = "scratch"\npath = "/x"\n',
            "shares.s.path: overlaps with the state folder",
        ),
        ('shares = 5\n' + ACCOUNT, "shares: is not a table"),
        (ACCOUNT + '[[users]]\nname = "a"\n', "users.0.password: is missing"),
        (ACCOUNT + '[[users]]\nname = "a"\ndigest = "SECRET"\n', "users.0.digest: is no digest"),
        ('[server]\ntls_cert = "/none"\n' + ACCOUNT, "server.tls_cert: /none cannot be read"),
        ('[server]\ntls_key = "/none"\n' + ACCOUNT, "server.tls_cert: is missing beside tls_key"),
        ('[server]\nproxies = "x"\n' + ACCOUNT, "server.proxies.0: 'x' is not allowed; allowed is"),
        ('[server]\nprefix = "/a b"\n' + ACCOUNT, "server.prefix: is no path; one such as /dav"),
        ('[server]\nprefix = "/../b"\n' + ACCOUNT, "server.prefix: is no path; one such as /dav"),
        ('[server]\nprefix = "/rd/x"\n' + ACCOUNT, "server.prefix: 'rd' stands at the root"),
        ('[server]\nprefix = "/-"\n' + ACCOUNT, "server.prefix: '-' stands at the root"),
        (ACCOUNT + 'url = "http://:SECRET@h"\n', "accounts.rd.url: holds more than an address"),
        (
            ACCOUNT + '[[users]]\nname = "a"\npassword = "p"\naccounts = ["rb"]\n',
            "users.0.accounts: 'rb' is not known; did you mean rd?",
        ),
        (
            ACCOUNT + '[[users]]\nname = "a"\npassword = "p"\nrights = ["write"]\n',
            "users.0.rights.0: 'write' is not allowed",
        ),
        ('[server]\nusers_file = "/none"\n' + ACCOUNT, "server.users_file: cannot be read"),
        ('[sever]\n' + ACCOUNT, "sever: is not known; did you mean server?"),
        ('[server]\nport = "x"\n' + ACCOUNT, "server.port: 'x' is not allowed; allowed is a whole"),
        ('[server]\nrefresh = 1\n' + ACCOUNT, "server.refresh: 1 is not allowed; allowed is 5 or"),
        ('[server]\nhost = "0.0.0.0"\n' + ACCOUNT, "server.host: '0.0.0.0' would let anyone in"),
        ('[[users]]\nname = "a:b"\npassword = "p"\n' + ACCOUNT, "users.0.name: 'a:b' is not"),
        ('[[users]]\nname = "a"\npassword = ""\n' + ACCOUNT, "users.0.password: is wrong; allowed"),
        ('[[users]]\nname = "a"\n' + ACCOUNT, "users.0.password: is missing"),
        ('[accounts.rd]\nstore = "rd"\n', "accounts.rd.store: 'rd' is not known"),
        ('[accounts.rd]\ntoken = "x"\n', "accounts.rd.store: is missing; one of realdebrid"),
        ('[accounts.rd]\nstore = "realdebrid"\n', "accounts.rd: needs a token; give either"),
        (ACCOUNT + 'url = "ftp://x"\n', "accounts.rd.url: is no http or https URL; write it as"),
        (ACCOUNT + 'tokne = "SECRET"\n', "accounts.rd.tokne: is not known; did you mean token?"),
        ('[accounts."a/b"]\nstore = "realdebrid"\ntoken = "x"\n', "accounts.a/b: is no name for"),
        (ACCOUNT + ACCOUNT.replace("rd]", "RD]"), "accounts.RD: differs from another only by"),
        ('[accounts.p]\nstore = "plank"\nurl = "http://h"\n', "accounts.p: has no login; give"),
        ('[accounts.s]\nstore = "stremthru"\nurl = "http://h"\n', "accounts.s: has no login; give"),
        ('[accounts.p]\nstore = "plank"\ntoken = "x"\n', "accounts.p.url: is missing; the"),
        ("", "accounts: there is none; `davstore setup` asks for one"),
        ("accounts = 5\n", "accounts: is not a table"),
    ],
)  # fmt: skip
def test_a_problem_is_said_with_its_key_and_cure(tmp_path: Path, text: str, expected: str) -> None:
    lines = problems(tmp_path, text)
    assert any(line.startswith(expected) for line in lines), lines
    assert "SECRET" not in "".join(lines)


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    text = '[server]\nport = -1\nhots = "x"\n[accounts.a]\nstore = "x"\n[accounts.b]\n'
    assert len(problems(tmp_path, text)) >= 4


def test_two_users_of_one_name_are_a_problem(tmp_path: Path) -> None:
    user = '[[users]]\nname = "anna"\npassword = "p"\n'
    assert any("twice" in line for line in problems(tmp_path, user + user + ACCOUNT))


def test_users_make_any_address_fine(tmp_path: Path) -> None:
    text = '[server]\nhost = "0.0.0.0"\n[[users]]\nname = "a"\npassword = "p"\n' + ACCOUNT
    assert load(tmp_path, text).server.host == "0.0.0.0"


def test_what_is_no_toml_is_said_with_its_line(tmp_path: Path) -> None:
    [line] = problems(tmp_path, "[server\nport = 1\n")
    assert "line 1" in line


def test_a_default_file_that_may_not_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "davstore").write_text("in the folder's place")
    with pytest.raises(ConfigError, match=r"config\.toml: Not a directory; name the file"):
        config.load(None, MODELS, {})


def test_what_is_not_utf8_is_said(tmp_path: Path) -> None:
    path = tmp_path / "davstore.toml"
    path.write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigError, match="UTF-8"):
        config.load(path, MODELS, {})


def test_a_bad_list_in_the_environment_is_said_without_its_content(tmp_path: Path) -> None:
    [line] = problems(tmp_path, ACCOUNT, DAVSTORE_USERS='[{"password": "SECRET')
    assert line.startswith("users: is not a list")
    assert "SECRET" not in line


def test_the_effective_settings_mask_secrets_and_can_be_read_again(tmp_path: Path) -> None:
    user = '[[users]]\nname = "anna"\npassword = "USERSECRET"\n'
    shown = config.effective(load(tmp_path, user + ACCOUNT))
    assert "TOKENTOKEN" not in shown
    assert "USERSECRET" not in shown
    again = load(tmp_path, shown)
    assert again.users[0].name == "anna"
    assert list(again.accounts) == ["rd"]


DATABASE = '[server]\nstate_url = "postgresql+psycopg://davstore:GEHEIM@db.example/davstore"\n'


def test_the_states_database_is_never_shown(tmp_path: Path) -> None:
    settings = load(tmp_path, ACCOUNT + DATABASE)
    assert settings.server.database is not None
    shown = config.effective(settings) + repr(settings) + repr(settings.server.database)
    assert "GEHEIM" not in shown
    assert "state_url" in shown
    said = "postgresql://db.example/davstore?sslmode=require"
    named = load(tmp_path, ACCOUNT, DAVSTORE_SERVER__STATE_URL=said).server.database
    assert named is not None
    assert named.url.get_secret_value() == said


@pytest.mark.parametrize(
    "value", ["mysql://a:GEHEIM@h/x", "postgresql://a:GEHEIM@h", "GEHEIM", "sqlite:///GEHEIM"]
)
def test_what_is_no_database_is_said_without_it(tmp_path: Path, value: str) -> None:
    [said] = problems(tmp_path, f'{ACCOUNT}[server]\nstate_url = "{value}"\n')
    assert said.startswith("server.state_url: is no address; postgresql+psycopg://user:password@")
    assert "GEHEIM" not in said
    [said] = problems(tmp_path, f"{ACCOUNT}[server]\nstate_url = [{value!r}]\n")
    assert "GEHEIM" not in said


def test_a_password_needs_its_database(tmp_path: Path) -> None:
    [said] = problems(tmp_path, f'{ACCOUNT}[server]\nstate_password_file = "/run/x"\n')
    assert said.startswith("server.state_url: is missing beside state_password_file")
