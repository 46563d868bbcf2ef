"""Names that are safe, distinct and stable, whatever comes from upstream."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davstore import names

anything = st.text(st.characters(codec=None), max_size=400)
RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{p}{n}" for p in ("com", "lpt") for n in "123456789¹²³"),
}


@pytest.mark.parametrize(
    "name",
    [
        "Sintel (2010).mkv",
        "a # b % c ? d ; e & f ' g \" h [i] | j  k",
        "🎬 film 👨‍👩‍👧‍👦.mp4",
        "Кролик うさぎ.mkv",
        ".hidden",
        "a:b*c<d>e",
        "Vol. 2 The End",
        "x.tar.gz",
    ],
)
def test_a_safe_name_stays_exactly_as_it_is(name: str) -> None:
    assert names.safe(name) == name


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a/b\\c", "a_b_c"),
        ("nul\0 and\ttab", "nul_ and_tab"),
        ("trailing. . ", "trailing"),
        ("  leading", "leading"),
        ("e\u0301tude", "étude"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("...", "unnamed"),
        ("CON", "CON_"),
        ("con.txt", "con_.txt"),
        ("COM¹.log", "COM¹_.log"),
        ("console", "console"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("\ud800", "_"),
    ],
)
def test_what_is_not_safe_is_replaced(raw: str, expected: str) -> None:
    assert names.safe(raw) == expected


def test_a_long_name_keeps_its_extension_and_whole_characters() -> None:
    name = names.safe("Ж" * 300 + ".mkv")
    assert name.endswith("Ж.mkv")
    assert 250 < len(name.encode()) <= 255


def test_a_long_name_is_not_cut_within_an_emoji() -> None:
    family = "👨‍👩‍👧‍👦"
    assert names.split(names.safe(family * 40 + ".mkv"))[0].replace(family, "") == ""


@given(anything)
def test_any_name_becomes_safe(raw: str) -> None:
    name = names.safe(raw)
    assert name
    assert name == unicodedata.normalize("NFC", name)
    assert len(name.encode()) <= 255
    assert not set(name) & set("/\\\0")
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in name)
    assert name not in {".", ".."}
    assert name == name.strip().rstrip(". ")
    assert name.partition(".")[0].lower().rstrip() not in RESERVED


@given(anything)
def test_a_safe_name_is_safe_already(raw: str) -> None:
    assert names.safe(names.safe(raw)) == names.safe(raw)


@given(anything)
def test_nothing_climbs_out_of_its_folder(path: str) -> None:
    for part in names.parts(path):
        assert part not in {"", ".", ".."}
        assert "/" not in part


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/BDMV/STREAM/00001.m2ts", ("BDMV", "STREAM", "00001.m2ts")),
        ("../../etc/passwd", ("etc", "passwd")),
        ("a//b/./c/../d", ("a", "b", "c", "d")),
        ("a\\..\\b", ("a_.._b",)),
        ("", ()),
    ],
)
def test_a_path_is_split_into_safe_parts(path: str, expected: tuple[str, ...]) -> None:
    assert names.parts(path) == expected


def test_a_path_is_no_deeper_than_a_tree_may_be() -> None:
    deep = names.parts("/".join(map(str, range(5000))) + "/sintel.mkv")
    assert len(deep) == names.DEEPEST
    assert (deep[0], deep[-1]) == ("0", "sintel.mkv")


@given(st.lists(anything, max_size=30))
def test_distinct_names_never_collide_by_case_or_form(raws: list[str]) -> None:
    taken: set[str] = set()
    for raw in raws:
        name = names.distinct(names.safe(raw), "0123456789abcdef0123", taken)
        assert names.key(name) not in taken
        assert len(name.encode()) <= 255
        taken.add(names.key(name))


def test_a_namesake_gets_a_short_suffix_before_its_extension() -> None:
    taken = {names.key("Film.MKV")}
    assert names.distinct("film.mkv", "abcdef0123", taken) == "film (abcdef).mkv"


def test_a_name_in_another_form_is_a_namesake() -> None:
    assert names.key("cafe\u0301") == names.key("CAFÉ")
