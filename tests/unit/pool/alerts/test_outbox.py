"""Each condition is told once when it begins and once when it is over."""

from pool.alerts.outbox import Outbox


def delivered(outbox):
    """Everything that is waiting, taken away."""
    texts = []
    while (text := outbox.next) is not None:
        texts.append(text)
        outbox.sent()
    return texts


def made():
    return Outbox(lambda words: f"rig: {words}")


def test_a_condition_is_told_once_while_it_lasts():
    outbox = made()
    outbox.take({"idle": "idle for 30m"})
    outbox.take({"idle": "idle for 31m"})
    assert delivered(outbox) == ["rig: idle for 30m"]


def test_its_end_is_told_in_the_words_of_its_beginning():
    outbox = made()
    outbox.take({"idle": "idle for 30m"})
    outbox.take({"idle": "idle for 45m"})
    outbox.take({})
    assert delivered(outbox) == ["rig: idle for 30m", "rig: over: idle for 30m"]
    outbox.take({"idle": "again"})
    assert delivered(outbox) == ["rig: again"]


def test_what_was_not_delivered_waits_in_order():
    outbox = made()
    outbox.take({"a": "1"})
    outbox.take({"a": "1", "b": "2"})
    assert outbox.next == "rig: 1"
    assert delivered(outbox) == ["rig: 1", "rig: 2"]


def test_of_too_much_the_newest_is_kept():
    outbox = made()
    for number in range(100):
        outbox.take({str(number): str(number)})
    texts = delivered(outbox)
    assert len(texts) == 50
    assert texts[-1] == "rig: over: 98"
