"""The table of ranges and conditions that clients rely on, RFC 9110 sections 13 and 14."""

import pytest

from davstore.dav.http.conditions import UNSATISFIABLE, Range, Verdict, asked_range, verdict

SIZE = 1_048_576
ETAG = '"0123abcd"'
MODIFIED = 1_700_000_000.0
SAME_DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
OLDER = "Tue, 14 Nov 2023 22:13:19 GMT"
NEWER = "Tue, 14 Nov 2023 22:13:21 GMT"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", Range(0, 0)),
        ("bytes=0-99", Range(0, 99)),
        ("bytes=500-", Range(500, SIZE - 1)),
        (f"bytes=0-{SIZE * 2}", Range(0, SIZE - 1)),
        ("bytes=0-9223372036854775807", Range(0, SIZE - 1)),
        ("bytes=-10", Range(SIZE - 10, SIZE - 1)),
        (f"bytes=-{SIZE * 2}", Range(0, SIZE - 1)),
        (f"bytes={SIZE - 1}-", Range(SIZE - 1, SIZE - 1)),
        ("Bytes = 5 - 9", Range(5, 9)),
        (f"bytes={SIZE}-", UNSATISFIABLE),
        (f"bytes={SIZE + 5}-{SIZE + 9}", UNSATISFIABLE),
        ("bytes=-0", UNSATISFIABLE),
        ("bytes=10-5", None),
        ("items=0-5", None),
        ("0-5", None),
        ("abc", None),
        ("", None),
        ("bytes=-", None),
        ("bytes=0-9,20-29", None),
        ("bytes=0-9,10-19", None),
        (f"bytes={'9' * 5000}-", None),
        (f"bytes=-{'9' * 5000}", None),
    ],
)
def test_a_range_header_means_what_the_rfc_says(header: str, expected: Range | str | None) -> None:
    assert asked_range({"HTTP_RANGE": header}, SIZE, ETAG, MODIFIED) == expected


def test_an_empty_file_has_no_ranges() -> None:
    assert asked_range({"HTTP_RANGE": "bytes=0-5"}, 0, ETAG, MODIFIED) is None


@pytest.mark.parametrize(
    ("if_range", "honoured"),
    [
        (ETAG, True),
        ('"other"', False),
        (f"W/{ETAG}", False),
        (SAME_DATE, True),
        (OLDER, False),
        (NEWER, False),
    ],
)
def test_if_range_lets_a_range_pass_only_for_the_same_content(
    if_range: str, honoured: bool
) -> None:
    environ = {"HTTP_RANGE": "bytes=0-9", "HTTP_IF_RANGE": if_range}
    assert asked_range(environ, SIZE, ETAG, MODIFIED) == (Range(0, 9) if honoured else None)


def test_if_range_of_other_content_makes_an_unsatisfiable_range_harmless() -> None:
    environ = {"HTTP_RANGE": f"bytes={SIZE}-", "HTTP_IF_RANGE": '"other"'}
    assert asked_range(environ, SIZE, ETAG, MODIFIED) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Verdict.GO_ON),
        ({"HTTP_IF_NONE_MATCH": ETAG}, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_NONE_MATCH": f"W/{ETAG}"}, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_NONE_MATCH": "*"}, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_NONE_MATCH": f'"other", {ETAG}'}, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_NONE_MATCH": '"other"'}, Verdict.GO_ON),
        ({"HTTP_IF_MODIFIED_SINCE": SAME_DATE}, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_MODIFIED_SINCE": NEWER}, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_MODIFIED_SINCE": OLDER}, Verdict.GO_ON),
        ({"HTTP_IF_MODIFIED_SINCE": "yesterday"}, Verdict.GO_ON),
        (
            {"HTTP_IF_NONE_MATCH": '"other"', "HTTP_IF_MODIFIED_SINCE": NEWER},
            Verdict.GO_ON,
        ),
        ({"HTTP_IF_MATCH": ETAG}, Verdict.GO_ON),
        ({"HTTP_IF_MATCH": "*"}, Verdict.GO_ON),
        ({"HTTP_IF_MATCH": f"W/{ETAG}"}, Verdict.FAILED),
        ({"HTTP_IF_MATCH": '"other"'}, Verdict.FAILED),
        ({"HTTP_IF_UNMODIFIED_SINCE": OLDER}, Verdict.FAILED),
        ({"HTTP_IF_UNMODIFIED_SINCE": SAME_DATE}, Verdict.GO_ON),
        ({"HTTP_IF_UNMODIFIED_SINCE": "tomorrow"}, Verdict.GO_ON),
    ],
)
def test_preconditions_are_weighed_as_the_rfc_says(
    headers: dict[str, str], expected: Verdict
) -> None:
    assert verdict(headers, ETAG, MODIFIED) is expected
