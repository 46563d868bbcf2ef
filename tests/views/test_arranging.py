"""Where views put the files of magnets: golden trees, rules, and properties over random ones."""

import random
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davstore import names, views
from davstore.config.views import DEFAULT_VIEWS, Condition, ViewSettings
from davstore.model import File, Work
from davstore.views import Facts, Path, Places
from davstore.views.rules import DAY, failing, turning

MB = 10**6
NOW = 1_800_000_000.0
ARRANGED = {"V": ViewSettings(layout="arranged")}


def magnet(name: str, *files: tuple[str, int], **more: object) -> Facts:
    listed = [File(path, "ref", size) for path, size in files]
    return views.facts(name, [listed], **{"accounts": ("rd",), "added": NOW, **more})  # type: ignore[arg-type]


class Shelf:
    """A view in memory."""

    def __init__(self) -> None:
        self.paths: dict[str, Places] = {}
        self.magnets: dict[str, Facts] = {}

    def folder(self, parent: Path, key: str) -> str | None:
        depth = len(parent)
        found = {path[depth] for places in self.paths.values() for path in places.values()
                 if len(path) > depth + 1 and path[:depth] == parent
                 and names.key(path[depth]) == key}  # fmt: skip
        assert len(found) < 2
        return next(iter(found), None)

    def files(self, parent: Path) -> Collection[str]:
        return {names.key(path[-1]) for places in self.paths.values() for path in places.values()
                if path[:-1] == parent}  # fmt: skip

    def years(self, folder: str) -> Collection[int]:
        said = {self.magnets[key].release.year for key, places in self.paths.items()
                if any(path[0] == folder for path in places.values())}  # fmt: skip
        return {year for year in said if year is not None}

    def add(self, key: str, whole: Facts, wanted: dict[str, ViewSettings] | None = None) -> Places:
        known = self.paths.pop(key, {})
        self.magnets[key] = whole
        wants = views.chosen(wanted or ARRANGED, whole, names.safe(whole.name), NOW)
        self.paths[key] = views.placed(wants.get("V", []), known, key, self)
        return self.paths[key]


def tree(*magnets: Facts, view: ViewSettings | None = None) -> list[str]:
    shelf = Shelf()
    for at, whole in enumerate(magnets):
        shelf.add(f"{at:040}", whole, {"V": view} if view else None)
    return sorted("/".join(path) for places in shelf.paths.values() for path in places.values())


def test_releases_of_one_film_are_versions_in_one_folder() -> None:
    assert tree(
        magnet("Sintel.2010.1080p.BluRay.x264-FREE", ("Sintel.2010.1080p.mkv", 900 * MB)),
        magnet("Sintel (2010) [2160p]", ("sintel.mkv", 4000 * MB)),
        magnet("sintel 2010 1080p WEB-DL-OPEN", ("s.mp4", 800 * MB)),
        magnet("Sintel (2010)", ("Sintel.avi", 100 * MB)),
    ) == [
        "Sintel (2010)/Sintel (2010) - 1080p WEB-DL.mp4",
        "Sintel (2010)/Sintel (2010) - 1080p.mkv",
        "Sintel (2010)/Sintel (2010) - 2160p.mkv",
        "Sintel (2010)/Sintel (2010).avi",
    ]


def test_versions_of_which_nothing_is_said_have_stems_of_their_own() -> None:
    """Or the subtitles of one would be taken for the other's."""
    assert tree(
        magnet("Sintel (2010)", ("Sintel.mkv", 900 * MB), ("Sintel.en.srt", 1)),
        magnet("Sintel 2010", ("Sintel.mp4", 800 * MB), ("Sintel.en.srt", 1)),
    ) == [
        "Sintel (2010)/Sintel (2010) - MP4.en.srt",
        "Sintel (2010)/Sintel (2010) - MP4.mp4",
        "Sintel (2010)/Sintel (2010).en.srt",
        "Sintel (2010)/Sintel (2010).mkv",
    ]


def test_a_film_with_all_that_lies_beside_it() -> None:
    assert tree(
        magnet(
            "Tears.of.Steel.2012.1080p.BluRay.x264-FREE",
            ("Tears.of.Steel.2012.1080p.mkv", 900 * MB),
            ("Subs/2_English.srt", 1),
            ("Subs/3_German.srt", 1),
            ("Tears.of.Steel.2012.1080p.fr.forced.srt", 1),
            ("Sample/tears-sample.mkv", 20 * MB),
            ("Featurettes/Making of.mkv", 200 * MB),
            ("trailer.mp4", 30 * MB),
            ("info.nfo", 1),
        )
    ) == [
        "Tears of Steel (2012)/Tears of Steel (2012) - 1080p.de.srt",
        "Tears of Steel (2012)/Tears of Steel (2012) - 1080p.en.srt",
        "Tears of Steel (2012)/Tears of Steel (2012) - 1080p.fr.forced.srt",
        "Tears of Steel (2012)/Tears of Steel (2012) - 1080p.mkv",
    ]


def test_parts_and_packs_of_films() -> None:
    assert tree(
        magnet("Metropolis (1927) DVDRip", ("CD1/m.avi", 700 * MB), ("CD2/m.avi", 690 * MB)),
        magnet(
            "Blender Open Movies",
            ("Big Buck Bunny (2008) 1080p.mkv", 700 * MB),
            ("Elephants Dream (2006) 720p.mkv", 400 * MB),
        ),
    ) == [
        "Big Buck Bunny (2008)/Big Buck Bunny (2008) - 1080p.mkv",
        "Elephants Dream (2006)/Elephants Dream (2006) - 720p.mkv",
        "Metropolis (1927)/Metropolis (1927) - DVDRip - part1.avi",
        "Metropolis (1927)/Metropolis (1927) - DVDRip - part2.avi",
    ]


def test_shows_seasons_double_episodes_and_anime() -> None:
    assert tree(
        magnet(
            "Pioneer.One.S01.720p.WEB-DL.x264-VODO",
            ("Pioneer.One.S01E01.720p.mkv", 300 * MB),
            ("Pioneer.One.S01E02-E03.720p.mkv", 300 * MB),
            ("Pioneer.One.S01E01.720p.en.srt", 1),
        ),
        magnet("[OpenSubs] Pepper & Carrot - 05 [1080p].mkv",
               ("[OpenSubs] Pepper & Carrot - 05 [1080p].mkv", 200 * MB)),
        magnet("Bonanza (1959) Season 2", ("Season 2/2x07 The Stranger.avi", 200 * MB)),
    ) == [
        "Bonanza (1959)/Season 02/Bonanza (1959) - S02E07.avi",
        "Pepper & Carrot/Season 01/Pepper & Carrot - S01E05 - 1080p.mkv",
        "Pioneer One/Season 01/Pioneer One - S01E01 - 720p.en.srt",
        "Pioneer One/Season 01/Pioneer One - S01E01 - 720p.mkv",
        "Pioneer One/Season 01/Pioneer One - S01E02-E03 - 720p.mkv",
    ]  # fmt: skip


def test_flat_as_given_biggest_and_hidden() -> None:
    whole = magnet("Odd", ("Odd/a/b.mkv", 50 * MB), ("Odd/c.txt", 10), ("Odd/d.mkv", 5 * MB))
    assert tree(whole, view=ViewSettings()) == ["Odd/a/b.mkv", "Odd/c.txt", "Odd/d.mkv"]
    assert tree(whole, view=ViewSettings(layout="flat")) == ["b.mkv", "c.txt", "d.mkv"]
    assert tree(whole, view=ViewSettings(biggest=True)) == ["Odd/a/b.mkv"]
    assert tree(whole, view=ViewSettings(hide_names=("*.TXT",))) == ["Odd/a/b.mkv", "Odd/d.mkv"]
    assert tree(whole, view=ViewSettings(hide_smaller=MB)) == ["Odd/a/b.mkv", "Odd/d.mkv"]
    of_files = ViewSettings(of="files", name_glob=("*.mkv",), size_to=10 * MB)
    assert tree(whole, view=of_files) == ["Odd/d.mkv"]


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({}, True),
        ({"name_contains": "SINTEL"}, True),
        ({"name_regex": r"^sintel.*\d{4}"}, True),
        ({"name_glob": "Sintel*"}, True),
        ({"name_glob": "Sintel"}, False),
        ({"file_glob": "*.mkv"}, True),
        ({"file_contains": "Subs/"}, True),
        ({"kind": ["show", "movie"]}, True),
        ({"kind": "show"}, False),
        ({"resolution": "1080P"}, True),
        ({"codec": "avc"}, True),
        ({"language": "de"}, True),
        ({"language": "fr"}, False),
        ({"account": "rd"}, True),
        ({"account": "ad"}, False),
        ({"status": "ready"}, True),
        ({"status": "failed"}, False),
        ({"year_from": 2010, "year_to": 2010}, True),
        ({"year_to": 2009}, False),
        ({"size_from": "900MB"}, True),
        ({"size_to": "900MB"}, False),
        ({"files_from": 2, "files_to": 2}, True),
        ({"files_from": 3}, False),
        ({"days_from": 5, "days_to": 7}, True),
        ({"days_from": 7}, False),
        ({"days_to": 5}, False),
        ({"not": {"kind": "movie"}}, False),
        ({"not": {"kind": "show"}}, True),
        ({"any": [{"kind": "show"}, {"year_from": 2000}]}, True),
        ({"any": [{"kind": "show"}, {"year_from": 2020}]}, False),
        ({"all": [{"kind": "movie"}, {"not": {"any": [{"kind": "show"}]}}]}, True),
    ],
)  # fmt: skip
def test_rules(rule: dict[str, object], holds: bool) -> None:
    whole = magnet(
        "Sintel.2010.GERMAN.1080p.BluRay.x264-FREE",
        ("Sintel.mkv", 900 * MB), ("Subs/Sintel.srt", 1), added=NOW - 6 * DAY,
    )  # fmt: skip
    assert (failing(Condition.model_validate(rule), whole, NOW) == "") == holds


def test_age_turns_at_the_moment_that_is_told() -> None:
    rule = Condition(days_to=30)
    moment = turning(rule, NOW, NOW)
    assert moment == NOW + 30 * DAY
    whole = magnet("x", ("x.mkv", 1))
    assert not failing(rule, whole, moment - 1)
    assert failing(rule, whole, moment)
    assert turning(rule, NOW, moment) == float("inf")


def test_the_first_view_of_a_group_has_it_alone() -> None:
    both = {
        "Old": ViewSettings(group="g", year_to=1950),
        "All": ViewSettings(group="g"),
        "Else": ViewSettings(),
    }
    old = magnet("Detour (1945)", ("Detour.mkv", MB))
    new = magnet("Sintel (2010)", ("Sintel.mkv", MB))
    assert set(views.chosen(both, old, "f", NOW)) == {"Old", "Else"}
    assert set(views.chosen(both, new, "f", NOW)) == {"All", "Else"}
    assert "Old has it" in next(iter(views.reasons(both, old, NOW)["All"].values()))


TITLES = st.sampled_from(
    ["Sintel.2010.1080p-A", "Sintel.2010.1080p-B", "sintel (2010)", "Pioneer.One.S01",
     "SINTEL 2010", "Pioneer One S01E01", "[Sub] Kumo - 01 [1080p]", "debian.iso",
     "", "x", "Sintel (2010) 2160p"]
)  # fmt: skip
PATHS = st.sampled_from(
    ["Sintel.2010.mkv", "a/Sintel.mkv", "A/sintel.mkv", "S01E01.mkv", "Season 1/S01E01.mkv",
     "e02.mkv", "s01e01.en.srt", "x.srt", "sample.mkv", "CD1/a.avi", "CD2/a.avi", "b.txt",
     "/b.TXT", "..", "x"]
)  # fmt: skip
FILES = st.lists(st.tuples(PATHS, st.sampled_from([1, 5, MB, 900 * MB])), min_size=1, max_size=6)
LIBRARIES = st.lists(st.tuples(TITLES, FILES), max_size=6)


def keys(path: Path) -> tuple[str, ...]:
    return tuple(names.key(part) for part in path)


@given(LIBRARIES, st.sampled_from(["flat", "as given", "arranged"]), st.randoms())
def test_nothing_is_lost_or_doubled_and_names_stay(
    library: list[tuple[str, list[tuple[str, int]]]], layout: str, dice: random.Random
) -> None:
    view = {"V": ViewSettings(layout=layout)}
    shelf = Shelf()
    magnets = {f"{at:040x}": magnet(name, *files) for at, (name, files) in enumerate(library)}
    for key, whole in magnets.items():
        shelf.add(key, whole, view)
        shown = {k for k, why in views.reasons(view, whole, NOW)["V"].items() if not why}
        assert shelf.paths[key].keys() == shown
    every = [path for places in shelf.paths.values() for path in places.values()]
    assert len({keys(path) for path in every}) == len(every)
    folders = {keys(path[:depth]) for path in every for depth in range(1, len(path))}
    assert not folders & {keys(path) for path in every}
    before = {key: dict(places) for key, places in shelf.paths.items()}
    again = list(magnets)
    dice.shuffle(again)
    for key in again:
        shelf.add(key, magnets[key], view)
    assert shelf.paths == before


@given(FILES, st.randoms())
def test_the_order_of_files_and_accounts_changes_no_key(
    files: list[tuple[str, int]], dice: random.Random
) -> None:
    mixed = files[:]
    dice.shuffle(mixed)
    assert {p.key for p in magnet("x", *files).pieces} == {
        p.key for p in magnet("x", *mixed).pieces
    }


def test_everything_is_in_everything() -> None:
    whole = magnet("debian.iso", ("debian.iso", 5))
    assert set(views.chosen(DEFAULT_VIEWS, whole, "debian", NOW)) == {"Everything"}


# What a store says


def test_what_a_store_says_is_believed_before_any_name() -> None:
    episode = File("Season 02/The One in the Snow.mp4", "r", 300 * MB, season=2, episode=3)
    work = Work("show", "Caminandes: 2013", 2020)
    show = views.facts("2013.S09E09.1080p", [[episode]], ("home",), NOW, work)
    assert show.kind == "show"
    assert tree(show) == [
        "Caminandes - 2013 (2020)/Season 02/Caminandes - 2013 (2020) - S02E03 - 1080p.mp4"
    ]
    film = File("S01E02.mp4", "r", 300 * MB)
    movie = views.facts("2049 (2017)", [[film]], ("home",), NOW, Work("movie", "2049 S01", 2017))
    assert movie.kind == "movie"
    assert tree(movie) == ["2049 S01 (2017)/2049 S01 (2017).mp4"]


def test_an_episode_of_which_the_store_knows_no_number_is_read_as_ever() -> None:
    files = [File("Season 01/x.S01E07.mp4", "r", 300 * MB, season=1)]
    show = views.facts("Spring", [files], ("home",), NOW, Work("show", "Spring"))
    assert tree(show) == ["Spring/Season 01/Spring - S01E07.mp4"]


# One show, one folder


def episode(name: str) -> Facts:
    return magnet(name, (f"{name}.mkv", 300 * MB))


@pytest.mark.parametrize(
    ("magnets", "folders"),
    [
        (["Caminandes.2013.S01E01", "Caminandes.S01E02"], {"Caminandes (2013)"}),
        (["Caminandes.S01E01", "Caminandes.2013.S01E02"], {"Caminandes"}),
        (["caminandes.S01E01", "Caminandes (2013) S01E02", "Caminandes.S01E03"], {"caminandes"}),
        (["Caminandes.2013.S01E01", "Caminandes.2020.S01E01", "Caminandes.S01E02"],
         {"Caminandes (2013)", "Caminandes (2020)", "Caminandes"}),
        (["Caminandes.S01E01", "Caminandes.2013.S01E02", "Caminandes.2020.S01E01",
          "Caminandes.2013.S01E03"], {"Caminandes", "Caminandes (2020)"}),
        (["Caminandes.S01E01", "Caminandes.2013.S01E02", "Caminandes.2013.S01E03"], {"Caminandes"}),
        (["Caminandes.2013.S01E01", "Caminandes.Llamigos.S01E02"],
         {"Caminandes (2013)", "Caminandes Llamigos"}),
    ],
)  # fmt: skip
def test_a_show_with_and_without_a_year_has_one_folder_where_that_is_certain(
    magnets: list[str], folders: set[str]
) -> None:
    paths = tree(*map(episode, magnets))
    assert {path.partition("/")[0] for path in paths} == folders
    assert all(path.split("/")[2].startswith(path.partition("/")[0]) for path in paths)


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        (["Caminandes.2013.S01E01.mkv", "caminandes (2013) - 1x02.mkv"], "Caminandes (2013)"),
        (["Caminandes.2013.S01E01.mkv", "S01E02.mkv"], "Caminandes (2013)"),
        (["Caminandes.S01E01.2016.1080p.mkv"], "Caminandes"),
        (["Caminandes.2013.S01E01.mkv", "Caminandes.2020.S01E02.mkv"], "Caminandes"),
        (["Another.2013.S01E01.mkv"], "Caminandes"),
        (["2013.S01E01.mkv"], "Caminandes"),
    ],
)
def test_the_year_of_a_show_may_stand_in_its_files_names(files: list[str], folder: str) -> None:
    whole = magnet("Caminandes.S01.1080p", *((name, 300 * MB) for name in files))
    assert {path.partition("/")[0] for path in tree(whole)} == {folder}


def test_what_was_seen_of_a_show_keeps_its_path_when_its_year_becomes_known() -> None:
    shelf = Shelf()
    seen = shelf.add("a", episode("Caminandes.S01E01"))
    shelf.add("b", episode("Caminandes.2013.S01E02"))
    shelf.add("c", episode("Caminandes.2020.S01E01"))
    assert shelf.add("a", episode("Caminandes.S01E01")) == seen


def test_a_shows_subtitles_stand_in_its_folder_too() -> None:
    shelf = Shelf()
    shelf.add("a", episode("Caminandes.2013.S01E01"))
    files = [("x.S01E02.mkv", 300 * MB), ("x.S01E02.de.srt", 9), ("notes about all.srt", 9)]
    paths = shelf.add("b", magnet("Caminandes.S01", *files))
    assert {path[0] for path in paths.values()} == {"Caminandes (2013)"}
