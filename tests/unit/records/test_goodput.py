"""What a run says of the goodput that it measured."""

from __future__ import annotations

import pytest

from orchestrator.records.goodput import GoodputRecord, PortGoodput


def port(name: str, share: float, rate: float = 1e9) -> PortGoodput:
    return PortGoodput(
        port=name, direction="pull", payload_bytes=round(rate / 4), seconds=2.0,
        bps=share * rate, nominal_bps=rate,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("share", "believed"), [(0.94, False), (0.96, True), (1.0, True), (1.004, True), (1.01, False)]
)
def test_what_can_be_the_links(share: float, believed: bool) -> None:
    record = GoodputRecord(ports=(port("a->b", share),))
    assert record.goodputs() == ({"a->b": share * 1e9} if believed else {})
    assert bool(record.notes()) is not believed


def test_what_is_said_of_many_ports_fits_a_line() -> None:
    record = GoodputRecord(ports=tuple(port(f"s->w{n}", 0.9 + n / 100) for n in range(10)))
    assert record.text() == (
        "goodput: 90.0 to 99.0 % of what the rates of s->w0, s->w1 and 8 more carry"
    )
    assert record.notes() == (
        "doubtful: before the trials s->w0, s->w1 and 3 more carried 90.0 to 94.0 % of what the "
        "rates do; bounds take the rates there",
    )


def test_a_frame_more_or_less_is_much_of_a_slow_link() -> None:
    # In 2 s 16 kB at 64 kbit/s: 11 frames.
    assert port("a->b", 1.1, 64e3).believed
    assert not port("a->b", 1.3, 64e3).believed


def test_what_was_not_tried_is_no_doubt() -> None:
    record = GoodputRecord(left_out="60 s beside short trials on slow links")
    assert record.text() == (
        "goodput: not measured (60 s beside short trials on slow links), bounds take the rates"
    )
    assert (record.notes(), record.goodputs()) == ((), {})


def test_one_port_has_one_share() -> None:
    text = GoodputRecord(ports=(port("a->b", 0.99),)).text()
    assert text == "goodput: 99.0 % of what the rates of a->b carry"


def test_what_acknowledgements_took_is_no_doubt_and_lowers_no_bound() -> None:
    crowded = port("a->b", 0.89).model_copy(update={"acks_share": 0.11})
    record = GoodputRecord(ports=(crowded,))
    assert (crowded.believed, record.notes(), record.goodputs()) == (True, (), {})
