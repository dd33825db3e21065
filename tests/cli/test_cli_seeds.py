from __future__ import annotations

import pytest

from pygridjl.cli import main


@pytest.mark.parametrize(
    "arguments",
    [
        ["site", "ieee13", "--seed", "-1"],
        ["site", "ieee13", "--scenario-seed", "-1"],
        ["reconfigure", "case33bw", "--seed", "-1"],
        ["benchmark", "stochastic", "--seed", "-1"],
        ["reproduce", "spar", "--seed", "-1"],
    ],
)
def test_a_negative_seed_is_one_message_and_code_2(arguments, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["pygridjl", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "seed" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
