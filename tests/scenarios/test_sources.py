from __future__ import annotations

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
