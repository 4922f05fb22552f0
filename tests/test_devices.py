"""The device table: every figure has a source, bounds are in order, names are found or listed."""

from pathlib import Path

import pytest
from ictus.firmware_export.energy.devices import CORES, Figure, device_table, get_device, load_devices
from ictus.signals.errors import InputError

GOOD = """
[afe.x]
name = "X"
source = "data sheet"
[afe.x.power_uw]
typical = 85
high = 90
source = "data sheet"
"""


def load(tmp_path: Path, text: str) -> None:
    path = tmp_path / "devices.toml"
    path.write_text(text)
    load_devices(path)


def test_every_figure_of_the_table_has_a_source_and_ordered_bounds() -> None:
    table = device_table()
    rows = [*table.mcu.values(), *table.afe.values(), *table.radio.values(), *table.battery.values()]
    figures = [value for row in rows for value in vars(row).values() if isinstance(value, Figure)]
    assert len(figures) >= 60
    assert all(figure.source.strip() for figure in figures)
    assert all(f.value.low <= f.value.typical <= f.value.high for f in figures)


def test_a_derived_bound_says_how_it_was_derived() -> None:
    table = device_table()
    for mcu in table.mcu.values():
        for figure in (mcu.active_ua_per_mhz, mcu.sleep_ua):
            assert figure.note, mcu.key


def test_the_devices_of_the_papers_are_there() -> None:
    assert {"efm32wg", "stm32u031", "stm32l4r5", "stm32u575"} <= device_table().mcu.keys()
    assert {"nrf52840", "max78000", "apollo3", "apollo4plus"} <= device_table().mcu.keys()
    assert {"max30003", "ads1292r", "ad8232"} <= device_table().afe.keys()
    assert len(device_table().radio) >= 2
    assert len(device_table().battery) >= 3
    assert {mcu.core for mcu in device_table().mcu.values()} == set(CORES)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('high = 90\nsource = "data sheet"', "high = 90", "afe.x.power_uw: no source"),
        ('high = 90\nsource = "data sheet"', 'high = 90\nsource = " "', "afe.x.power_uw: no source"),
        ('name = "X"\nsource = "data sheet"', 'name = "X"', "afe.x: no source"),
        ("high = 90", "high = 80", "85, 85, 80 are not in order"),
        ("typical = 85", "", "afe.x.power_uw: no typical value"),
        ("typical = 85", "typical = 85\nhihg = 3", "unknown hihg"),
        ('name = "X"', 'name = "X"\ncolour = 3', "colour"),
        ('name = "X"', "", "name"),
        ("[afe.x]", "[afe.x", "devices.toml"),
    ],
)
def test_a_bad_row_is_refused_with_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    load(tmp_path, GOOD)
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"device 'z80' is not known; there are apollo3, apollo4plus, efm32wg"):
        get_device("z80")
    with pytest.raises(InputError, match=r"battery 'aa' is not known; there are cr2032"):
        get_device("efm32wg", battery="aa")


def test_a_name_alone_gives_a_whole_wearable() -> None:
    device = get_device("efm32wg")
    assert (device.name, device.afe.key, device.battery.key) == ("efm32wg", "max30003", "cr2032")
    assert get_device().mcu.key == device_table().default["mcu"]


@pytest.mark.parametrize(
    ("alias", "key"), [("stm32l4", "stm32l4r5"), ("stm32u5", "stm32u575"), ("apollo4", "apollo4plus")]
)
def test_a_family_stands_for_one_of_its_parts(alias: str, key: str) -> None:
    assert get_device(alias) == get_device(key)


def test_every_alias_is_of_a_part_in_the_table() -> None:
    table = device_table()
    assert set(table.alias.values()) <= table.mcu.keys()
    assert not table.alias.keys() & table.mcu.keys()
