"""gzip in parts."""

import gzip

from hypothesis import given
from hypothesis import strategies as st

from davstore.dav.listing.compression import deflated, joined


@given(st.lists(st.binary(max_size=300)))
def test_pieces_that_were_deflated_apart_are_one_file(texts: list[bytes]) -> None:
    assert gzip.decompress(joined(map(deflated, texts))) == b"".join(texts)


@given(st.lists(st.integers(0, 3_000_000), max_size=4))
def test_of_any_length(lengths: list[int]) -> None:
    texts = [bytes([number]) * length for number, length in enumerate(lengths)]
    assert gzip.decompress(joined(map(deflated, texts))) == b"".join(texts)
