import hashlib
from pathlib import Path

import pytest

from davstore.simulator import Content

SIZES = [0, 1, 65_535, 65_536, 65_537, 1_200_000]


@pytest.mark.parametrize("size", SIZES)
def test_a_content_is_as_long_as_it_says(size: int) -> None:
    content = Content.random("x", size)
    assert len(content.read(0, size + 10)) == content.size == size


def test_any_part_equals_that_part_of_the_whole() -> None:
    content = Content.random("x", 400_000)
    whole = content.read(0, 400_000)
    for offset, length in [(0, 10), (65_530, 20), (1, 399_999), (131_072, 65_536), (399_990, 50)]:
        assert content.read(offset, length) == whole[offset : offset + length]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    one, same, other = (Content.random(seed, 100_000) for seed in ("one", "one", "other"))
    assert one.sha256() == same.sha256() != other.sha256()


def test_wrong_offsets_show_even_in_short_reads() -> None:
    content = Content.random("x", 50 * 10**9)
    right = content.read(10**9, 16)
    for wrong in (1, 512, 4096, 65_536, 1 << 20, 1 << 24, 1 << 30, 1 << 32):
        assert content.read(10**9 + wrong, 16) != right


def test_no_two_blocks_of_a_large_content_are_equal() -> None:
    content = Content.random("x", 2000 * 65_536)
    blocks = {content.read(number * 65_536, 65_536) for number in range(2000)}
    assert len(blocks) == 2000


def test_nothing_is_read_beyond_the_end() -> None:
    assert Content.random("x", 100).read(100, 5) == b""


def test_sha256_is_that_of_the_bytes() -> None:
    content = Content.random("x", 1_200_000)
    assert content.sha256() == hashlib.sha256(content.read(0, content.size)).hexdigest()


def test_real_bytes_and_files_are_contents_too(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(b"0123456789")
    for content in (Content.of(b"0123456789"), Content.of(tmp_path / "film")):
        assert (content.size, content.read(3, 4), content.read(8, 9)) == (10, b"3456", b"89")
