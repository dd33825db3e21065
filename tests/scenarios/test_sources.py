from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pygridjl.core.errors import InvalidOptionError, NetworkFormatError
from pygridjl.scenarios.ercot import read_ercot_load
from pygridjl.scenarios.measured import measured_year
from pygridjl.scenarios.profile import assert_valid_profile, bundled_year
from pygridjl.scenarios.pvwatts import (
    PVWattsOptions,
    Weather,
    pvwatts_multiplier,
    read_nsrdb,
)
from pygridjl.scenarios.synthetic import synthetic_year

pytest.importorskip("pvlib")


# ------------------------------------------------------------------------------------ synthetic
def test_the_bundled_year_is_what_its_generator_makes():
    made, bundled = synthetic_year(), bundled_year()
    # One unit of the last decimal may round the other way on another machine.
    np.testing.assert_allclose(bundled.load, made.load, atol=1.1e-3)
    np.testing.assert_allclose(bundled.pv, made.pv, atol=1.1e-3)


def test_the_bundled_year_is_plausible():
    year = bundled_year()
    assert len(year) == 8760
    assert year.load.max() == 1.0
    assert year.load.min() > 0.2
    by_hour = year.pv.reshape(365, 24)
    assert (by_hour[:, :4] == 0).all()
    assert by_hour[:, 11:13].mean() > 0.5
    # A fixed system in the desert makes 0.2 to 0.27 of its rating over a year.
    assert 0.2 < year.pv.mean() < 0.27


# -------------------------------------------------------------------------------------- PVWatts
def weather(ghi=0.0, dni=0.0, dhi=0.0, temp_air=25.0, wind_speed=1.0):
    times = pd.date_range("2023-01-01 00:30", periods=8760, freq="h", tz="Etc/GMT+7")
    columns = {"ghi": ghi, "dni": dni, "dhi": dhi, "temp_air": temp_air, "wind_speed": wind_speed}
    return Weather(pd.DataFrame(columns, index=times), 31.8, -106.5)


def test_pvwatts_by_hand_under_diffuse_light_on_a_flat_panel():
    options = PVWattsOptions(tilt=0.0, losses=0.1, dc_ac_ratio=1.2, inverter_efficiency=0.96)
    light, air, wind = 400.0, 20.0, 2.0
    found = pvwatts_multiplier(weather(light, 0.0, light, air, wind), options)
    # Sandia cell temperature for an open rack of glass and polymer: a, b, ΔT of its report.
    module = light * np.exp(-3.56 - 0.0750 * wind) + air
    cell = module + light / 1000 * 3
    dc = 1.2 * light / 1000 * (1 - 0.0047 * (cell - 25)) * 0.9
    # Inverter curve of the PVWatts manual, relative to its DC rating 1 / 0.96.
    share = dc * 0.96
    efficiency = 0.96 / 0.9637 * (-0.0162 * share - 0.0059 / share + 0.9858)
    np.testing.assert_allclose(found, efficiency * dc, rtol=1e-6)


def test_pvwatts_is_dark_without_light_and_never_above_its_rating():
    assert (pvwatts_multiplier(weather()) == 0).all()
    bright = pvwatts_multiplier(weather(1400.0, 0.0, 1400.0, -20.0), PVWattsOptions(tilt=0.0))
    np.testing.assert_allclose(bright, 1.0)


def test_pvwatts_options_are_checked():
    for bad in ({"losses": 1.0}, {"dc_ac_ratio": 0.0}, {"inverter_efficiency": 1.1}):
        with pytest.raises(InvalidOptionError):
            PVWattsOptions(**bad)
    naive = weather()
    naive.table.index = naive.table.index.tz_localize(None)
    with pytest.raises(InvalidOptionError, match="zone"):
        pvwatts_multiplier(naive)


# ---------------------------------------------------------------------------------------- NSRDB
NSRDB_HEAD = (
    "Source,Location ID,City,State,Country,Latitude,Longitude,Time Zone,Elevation,"
    "Local Time Zone,Version\n"
    "NSRDB,1,-,-,-,31.77,-106.46,-7,1186,-7,4.0.0\n"
    "Year,Month,Day,Hour,Minute,GHI,DNI,DHI,Temperature,Wind Speed\n"
)


def write_nsrdb(path):
    """Light at noon only."""
    times = pd.date_range("2023-01-01 00:30", periods=8760, freq="h")
    noon = times.hour == 12
    rows = [
        f"{t.year},{t.month},{t.day},{t.hour},{t.minute},{500 * n},0,{500 * n},20,1"
        for t, n in zip(times, noon.astype(int), strict=True)
    ]
    path.write_text(NSRDB_HEAD + "\n".join(rows) + "\n")
    return noon


def test_nsrdb_file(tmp_path):
    path = tmp_path / "nsrdb.csv"
    noon = write_nsrdb(path)
    read = read_nsrdb(path)
    assert (read.latitude, read.longitude, read.altitude) == (31.77, -106.46, 1186)
    pv = pvwatts_multiplier(read)
    assert ((pv > 0) == noon).all()


def test_nsrdb_faults_are_named(tmp_path):
    with pytest.raises(NetworkFormatError, match="is missing"):
        read_nsrdb(tmp_path / "no.csv")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(NetworkFormatError, match="not an NSRDB file"):
        read_nsrdb(tmp_path / "x.csv")
    (tmp_path / "y.csv").write_text(NSRDB_HEAD.replace(",DNI", ",") + "2023,1,1,0,30,0,0,0,20,1\n")
    with pytest.raises(NetworkFormatError):
        read_nsrdb(tmp_path / "y.csv")


# ---------------------------------------------------------------------------------------- ERCOT
def ercot_rows():
    """A year of hour endings as ERCOT writes them: 24:00, a gap in spring, DST in autumn."""
    ends, loads = [], []
    for start in pd.date_range("2023-01-01", periods=8760, freq="h"):
        end = start + pd.Timedelta(hours=1)
        text = f"{start:%m/%d/%Y} 24:00" if end.hour == 0 else f"{end:%m/%d/%Y %H:%M}"
        if text == "03/12/2023 03:00":
            continue
        ends.append(text)
        loads.append(4000.0 + 1000 * (start.hour == 17))
        if text == "11/05/2023 02:00":
            ends.append(text + " DST")
            loads.append(4000.0)
    return ends, loads


@pytest.mark.parametrize(
    ("hour", "zone"),
    [("Hour Ending", "FWEST"), ("HourEnding", "FAR_WEST"), ("Hour_End", "Far West")],
)
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_ercot_table_by_any_name(tmp_path, hour, zone, suffix):
    ends, loads = ercot_rows()
    frame = pd.DataFrame({hour: ends, "COAST": 1.0, zone: loads, "ERCOT": 9.0})
    path = tmp_path / f"load{suffix}"
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        pytest.importorskip("openpyxl")
        frame.to_excel(path, index=False)
    found = read_ercot_load(path)
    expected = np.where(np.arange(8760) % 24 == 17, 1.0, 0.8)
    np.testing.assert_allclose(found, expected)


def test_ercot_numbers_with_thousands_and_workbook_times(tmp_path):
    times = pd.date_range("2024-01-01 01:00", periods=8784, freq="h") - pd.Timedelta("3ms")
    frame = pd.DataFrame({"Hour Ending": times.astype(str), "West": "4,000.50"})
    path = tmp_path / "load.csv"
    frame.to_csv(path, index=False)
    np.testing.assert_allclose(read_ercot_load(path, "WEST"), 1.0)


def test_ercot_faults_are_named(tmp_path):
    path = tmp_path / "load.csv"
    path.write_text("Hour Ending,FWEST\n01/01/2023 01:00,5\nsoon,5\n")
    with pytest.raises(NetworkFormatError, match="row 3: 'soon' is not a time"):
        read_ercot_load(path)
    path.write_text("Hour Ending,FWEST\n01/01/2023 01:00,lots\n")
    with pytest.raises(NetworkFormatError, match="row 2: column 'FWEST': 'lots'"):
        read_ercot_load(path)
    path.write_text("Hour Ending,EAST\n01/01/2023 01:00,5\n")
    with pytest.raises(NetworkFormatError, match="zone 'FWEST' is missing"):
        read_ercot_load(path)
    path.write_text("When,FWEST\n01/01/2023 01:00,5\n")
    with pytest.raises(NetworkFormatError, match="Hour Ending"):
        read_ercot_load(path)
    with pytest.raises(InvalidOptionError, match="TEXAS"):
        read_ercot_load(path, "TEXAS")
    with pytest.raises(NetworkFormatError, match="is missing"):
        read_ercot_load(tmp_path / "no.xlsx")


SCENARIOS = Path(__file__).parents[1] / "data" / "field" / "scenarios"


def year_of_loads(step="h", text="%m/%d/%Y %H:%M"):
    """Ends of intervals and loads that tell the hour of the day: 1 at 17 o'clock, else 0.5."""
    starts = pd.date_range("2023-01-01", "2023-12-31 23:59", freq=step)
    ends = starts + (starts[1] - starts[0])
    return ends.strftime(text), np.where(starts.hour == 17, 10.0, 5.0)


EXPECTED = np.where(np.arange(8760) % 24 == 17, 1.0, 0.5)


@pytest.mark.parametrize("step", ["h", "30min", "15min", "5min"])
def test_finer_steps_are_averaged_by_the_hour_they_lie_in(tmp_path, step):
    ends, loads = year_of_loads(step)
    pd.DataFrame({"Hour Ending": ends, "FWEST": loads}).to_csv(tmp_path / "l.csv", index=False)
    np.testing.assert_allclose(read_ercot_load(tmp_path / "l.csv"), EXPECTED)


@pytest.mark.parametrize(
    "text",
    [
        "%d/%m/%Y %H:%M",
        "%d.%m.%Y %H:%M",
        "%m/%d/%Y %H:%M",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%S-06:00",
        "%d-%m-%Y %H:%M",
    ],
)
def test_the_order_of_days_and_months_is_found(tmp_path, text):
    ends, loads = year_of_loads(text=text)
    pd.DataFrame({"Hour Ending": ends, "FWEST": loads}).to_csv(tmp_path / "l.csv", index=False)
    np.testing.assert_allclose(read_ercot_load(tmp_path / "l.csv"), EXPECTED)


@pytest.mark.parametrize("hour", ["{:02d}:00", "{}"])
def test_days_and_hours_in_two_columns(tmp_path, hour):
    starts = pd.date_range("2023-01-01", periods=8760, freq="h")
    table = {
        "OperDay": starts.strftime("%m/%d/%Y"),
        "HourEnding": [hour.format(h + 1) for h in starts.hour],
        "FAR_WEST": year_of_loads()[1],
    }
    pd.DataFrame(table).to_csv(tmp_path / "l.csv", index=False)
    np.testing.assert_allclose(read_ercot_load(tmp_path / "l.csv"), EXPECTED)


def test_beginnings_semicolons_decimal_commas_and_any_column(tmp_path):
    starts = pd.date_range("2023-01-01", periods=8760, freq="h")
    rows = [f"{t:%d.%m.%Y %H:%M};{'1.000,5' if t.hour == 17 else '500,25'}" for t in starts]
    (tmp_path / "l.csv").write_text("\n".join(["Timestamp;Netzlast", *rows]) + "\n\n")
    np.testing.assert_allclose(read_ercot_load(tmp_path / "l.csv", "Netzlast"), EXPECTED)


def test_summer_time_written_as_offsets(tmp_path):
    """Local hours with their offsets: one is missing in March, one comes twice in November."""
    starts = pd.date_range("2023-01-01", periods=8760, freq="h", tz="America/Chicago")
    ends = [(t + pd.Timedelta(hours=1)).isoformat() for t in starts]
    frame = pd.DataFrame({"Hour Ending": ends, "FWEST": 5.0})
    frame.to_csv(tmp_path / "l.csv", index=False)
    np.testing.assert_allclose(read_ercot_load(tmp_path / "l.csv"), 1.0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("day.csv", "8736 of 8760 hours are missing, the first on 02 January"),
        ("gaps.csv", "a step of 2 hours is longer than one"),
        ("hourending.csv", "hours are missing"),
        ("mis_2col.csv", "8712 of 8760 hours are missing, the first on 03 January"),
        ("dmy_slash.csv", "8712 of 8760 hours are missing, the first on 01 January"),
        ("dmy_dots.csv", "the first on 03 January"),
        ("iso.csv", "the first on 03 January"),
        ("iso_tz.csv", "the first on 03 January"),
        ("thousands.csv", "the first on 03 January"),
    ],
)
def test_what_is_missing_is_refused_unless_the_fill_is_named(name, message):
    with pytest.raises(NetworkFormatError, match=message + ".*fill='interpolate'"):
        read_ercot_load(SCENARIOS / name)
    filled = read_ercot_load(SCENARIOS / name, fill="interpolate")
    assert np.isfinite(filled).all()
    assert filled.max() == 1.0
    assert filled.std() > 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["13/01/2023 01:00,5", "01/13/2023 02:00,5"], "different orders"),
        (["01:00,5", "02:00,5"], "has no date"),
        (["2023-01-01T01:00Z,5", "2023-01-01T02:00Z,5"], "all times are UTC"),
        (["01/01/2023 02:00,5", "01/01/2023 04:00,5"], "a step of 2 hours"),
    ],
)
def test_times_that_cannot_be_trusted_are_refused(tmp_path, rows, message):
    (tmp_path / "l.csv").write_text("\n".join(["Hour Ending,FWEST", *rows]))
    with pytest.raises(NetworkFormatError, match=message):
        read_ercot_load(tmp_path / "l.csv")


def test_weather_in_utc_is_turned_to_the_local_hours_of_the_load(tmp_path):
    with pytest.raises(NetworkFormatError, match="hours are missing"):
        pvwatts_multiplier(read_nsrdb(SCENARIOS / "ns_day.csv"))
    write_nsrdb(tmp_path / "local.csv")
    text = (tmp_path / "local.csv").read_text()
    local = pvwatts_multiplier(read_nsrdb(tmp_path / "local.csv"))
    head, rows = text.split("Wind Speed\n")
    times = pd.date_range("2023-01-01 07:30", periods=8760, freq="h")
    shifted = [
        f"{t.year},{t.month},{t.day},{t.hour},30," + row.split(",", 5)[5]
        for t, row in zip(times, rows.splitlines(), strict=True)
    ]
    utc = head.replace("-106.46,-7,1186", "-106.46,0,1186") + "Wind Speed\n" + "\n".join(shifted)
    (tmp_path / "utc.csv").write_text(utc + "\n")
    found = pvwatts_multiplier(read_nsrdb(tmp_path / "utc.csv"))
    np.testing.assert_allclose(found, local, atol=1e-9)
    assert found.reshape(365, 24).mean(axis=0).argmax() == 12


def test_a_measured_year_joins_both(tmp_path):
    write_nsrdb(tmp_path / "sun.csv")
    ends, loads = ercot_rows()
    frame = pd.DataFrame({"Hour Ending": ends, "FWEST": loads})
    frame.to_csv(tmp_path / "load.csv", index=False)
    year = measured_year(tmp_path / "sun.csv", tmp_path / "load.csv")
    assert_valid_profile(year)
    assert len(year) == 8760
    assert "FWEST" in year.provenance
    assert (year.pv > 0).sum() == 365
    assert year.load.max() == 1.0


def test_panels_of_other_angles_under_the_same_weather(tmp_path):
    times = pd.date_range("2023-01-01 00:30", periods=8760, freq="h")
    rows = [f"{t.year},{t.month},{t.day},{t.hour},{t.minute},0,800,0,20,1" for t in times]
    (tmp_path / "sun.csv").write_text(NSRDB_HEAD + "\n".join(rows) + "\n")
    ends, loads = ercot_rows()
    frame = pd.DataFrame({"Hour Ending": ends, "FWEST": loads})
    frame.to_csv(tmp_path / "load.csv", index=False)
    walls = {
        "east": PVWattsOptions(tilt=90, azimuth=90),
        "west": PVWattsOptions(tilt=90, azimuth=270),
    }
    year = measured_year(tmp_path / "sun.csv", tmp_path / "load.csv", arrays=walls)
    hour = np.arange(8760) % 24
    # Direct light alone reaches a wall only from its own side.
    assert year.others["east"][hour < 11].max() > 0
    assert year.others["east"][hour > 12].max() == 0
    assert year.others["west"][hour < 11].max() == 0
    assert year.others["west"][hour > 12].max() > 0
