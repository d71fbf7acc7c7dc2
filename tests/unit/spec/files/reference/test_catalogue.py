"""What there is to choose from, as rows."""

from __future__ import annotations

import pytest

from orchestrator.orders import ORDERS, Order, Setting
from orchestrator.spec.files.reference import catalogue
from orchestrator.spec.files.reference.catalogue import LISTINGS
from orchestrator.spec.values.units import parse_duration, parse_rate, parse_size
from workloads.models.profiles import model_names
from workloads.schedule.library import schedule_names


def names(listing: str) -> list[object]:
    return [next(iter(row.values())) for row in LISTINGS[listing]().rows]


@pytest.mark.parametrize("name", LISTINGS)
def test_rows_have_the_same_keys_and_names_of_their_own(name: str) -> None:
    rows = LISTINGS[name]().rows
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    assert len(set(names(name))) == len(rows)


def test_the_library_is_listed_whole() -> None:
    assert names("schedules") == list(schedule_names())
    assert names("models") == list(model_names())
    assert set(names("orders")) >= set(ORDERS)


def test_every_field_of_a_setting_has_a_meaning() -> None:
    rows = LISTINGS["setting"]().rows
    listed = {str(row["field"]) for row in rows}
    assert {f"Setting.{field}" for field in Setting.__dataclass_fields__} <= listed
    assert {"Setting.tensor_bytes", "Unit.layer", "Computation.forward_seconds"} <= listed
    assert all(row["meaning"] for row in rows)
    assert {row["type"] for row in rows if row["field"] == "Unit.bytes"} == {"float"}


def test_all_that_a_class_may_override_is_listed() -> None:
    listed = {str(name).partition("(")[0] for name in names("order-class")}
    assert listed == {name for name in vars(Order) if not name.startswith("_")}
    assert "pushes(setting, worker)" in names("order-class")


def test_an_order_says_what_it_goes_with() -> None:
    rows = {row["name"]: row for row in catalogue.orders(["tic", "generation", "layer"]).rows}
    assert [row["step_barrier"] for row in rows.values()] == ["yes", "no", "either"]
    assert rows["generation"]["place"] == "nowhere or switch"
    assert rows["layer"]["place"] == "host or both"


def test_an_order_of_an_installed_package_is_named() -> None:
    (row,) = catalogue.orders(["somebodys"]).rows
    assert row["meaning"] == "of an installed package"


def test_examples_of_quantities_can_be_read() -> None:
    examples = {row["value"]: row["example"] for row in LISTINGS["values"]().rows}
    assert parse_rate(examples["rate"]) == 10**10
    assert parse_size(examples["size"]) == 512 * 1024
    assert parse_duration(examples["duration"]) == 50
