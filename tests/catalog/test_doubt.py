"""What may go at once, and what only when it is said twice."""

from davstore.catalog.accounts.doubt import BELIEVED, CONFIRM_AFTER, FEW, NEVER, Doubt

NOW = 1_700_000_000.0
LATER = NOW + CONFIRM_AFTER


def ids(count: int, start: int = 0) -> set[str]:
    return {str(number) for number in range(start, start + count)}


def test_a_few_may_always_go() -> None:
    doubt = Doubt(0.1, {})
    assert doubt.judge(ids(FEW), FEW, NOW, complete=True) == ids(FEW)
    assert not doubt.held_back


def test_a_share_may_go() -> None:
    assert Doubt(0.1, {}).judge(ids(10), 100, NOW, complete=True) == ids(10)


def test_more_than_the_share_is_held_back() -> None:
    doubt = Doubt(0.1, {})
    assert doubt.judge(ids(11), 100, NOW, complete=True) == set()
    assert doubt.held_back == dict.fromkeys(ids(11), NOW)


def test_a_second_complete_listing_minutes_later_confirms() -> None:
    doubt = Doubt(0.1, {})
    doubt.judge(ids(50), 100, NOW, complete=True)
    assert doubt.judge(ids(50), 100, LATER - 1, complete=True) == set()
    assert not doubt.due(LATER - 1)
    assert doubt.due(LATER)
    assert doubt.judge(ids(50), 100, LATER, complete=False) == set()
    assert doubt.judge(ids(50), 100, LATER, complete=True) == ids(50)
    assert not doubt.held_back


def test_the_owner_may_settle_it() -> None:
    gone = Doubt(0.1, dict.fromkeys(ids(50), BELIEVED))
    assert gone.due(NOW)
    assert gone.judge(ids(50), 100, NOW, complete=True) == ids(50)
    kept = Doubt(0.1, dict.fromkeys(ids(50), NEVER))
    assert not kept.due(NOW)
    assert kept.judge(ids(50), 100, LATER, complete=True) == set()
    kept.back(ids(50))
    assert not kept.held_back


def test_only_what_both_lack_goes() -> None:
    doubt = Doubt(0.1, {})
    doubt.judge(ids(50), 100, NOW, complete=True)
    doubt.back(ids(20))
    assert doubt.judge(ids(30, 20), 100, LATER, complete=True) == ids(30, 20)
    assert not doubt.held_back


def test_small_portions_one_after_another_are_held_back_too() -> None:
    doubt = Doubt(0.1, {})
    assert doubt.judge(ids(8), 100, NOW, complete=True) == ids(8)
    assert doubt.judge(ids(8, 8), 92, NOW + 60, complete=True) == set()
    assert doubt.judge(ids(8, 8), 92, NOW + 60 + CONFIRM_AFTER, complete=True) == ids(8, 8)


def test_doubts_outlive_a_restart() -> None:
    doubt = Doubt(0.1, dict.fromkeys(ids(50), NOW))
    assert doubt.judge(ids(50), 100, LATER, complete=True) == ids(50)


def test_with_a_share_of_one_everything_is_believed() -> None:
    assert Doubt(1.0, {}).judge(ids(100), 100, NOW, complete=True) == ids(100)
