"""Writing whole or not at all, and never in the place of a device."""

from pathlib import Path

import pytest

from pygridjl.core.errors import OutputError
from pygridjl.core.files import replacing_file, replacing_folder, write_text


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def fail_half_way():
        with replacing_file(target) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_devices_and_folders_are_not_replaced(tmp_path):
    for target in (Path("/dev/null"), tmp_path):
        with pytest.raises(OutputError, match="is not a regular file"):
            write_text(target, "x")
    assert Path("/dev/null").is_char_device()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*no.a\.txt: No such file"):
        write_text(tmp_path / "no" / "a.txt", "x")


def test_only_folders_of_ours_are_replaced(tmp_path):
    mine, other = tmp_path / "mine", tmp_path / "other"
    for text in ("first", "second"):
        with replacing_folder(mine, marker="params.json") as fresh:
            write_text(fresh / "params.json", text)
    assert (mine / "params.json").read_text() == "second"
    other.mkdir()
    (other / "thesis.tex").write_text("years of work")
    with (
        pytest.raises(OutputError, match="not a folder with"),
        replacing_folder(other, marker="params.json"),
    ):
        pass
    assert (other / "thesis.tex").read_text() == "years of work"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "other"]


def test_new_files_have_the_mode_of_ordinary_ones(tmp_path):
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode
