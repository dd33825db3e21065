"""Option sets drawn from what the commands declare: an answer or one line, never more."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from cli_calls import called
from hypothesis import HealthCheck, given, settings, strategies as st

from pygridjl.cli import cli

# What each command that computes is tried on: small, so that a good option set ends at once.
_DATA = {
    "reconfigure": ["case16ci", "nosuch"],
    "opf": ["case9", "case14", "ieee13"],
    "relax": ["case9", "case14"],
    "linearize": ["case9"],
    "site": ["ieee13"],
    "hosting": ["ieee13"],
    "balance": ["example"],
    "cases": ["case16ci", "nope"],
}
_ALWAYS = {
    **{
        name: ["--time-limit", "1"]
        for name in ("reconfigure", "opf", "relax", "site", "hosting", "balance")
    },
    "linearize": ["--samples", "20"],
}
_WHOLE = ["-1", "0", "1", "2", "3", "9" * 23, "-9223372036854775809", "1e3", "2.5", "nan", "", "x"]
_REAL = ["-1", "0", "1", "0.5", "nan", "inf", "-inf", "1e308", "1e-320", "1e400", "1,5", "", "x"]
_TEXT = ["", "x", "\udce9", "a\nb", "nan", "-1", "1,2,3", "9" * 23 + ",1", "a=b", "=", "x" * 50_000]
_PATH = ["missing/x.png", "/dev/full", "/dev/null/x", "out.xyz", "out.png", ".", "/etc", "out"]
_PATH += ["x" * 300 + ".png", "out.html"]
# Seconds of the clock, for a machine that has more to do; what is compiled comes before.
_LIMIT = 5.0


def _commands():
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                yield (name, inner), command.get_command(context, inner)
        else:
            yield (name,), command


# Julia's commands change the user's own settings.
_COMMANDS = {path: command for path, command in _commands() if path[0] != "julia"}


def _values(option):
    kind = option.type
    if isinstance(kind, click.Choice):
        return st.sampled_from([*map(str, kind.choices), "junk", ""])
    if isinstance(kind, click.types.IntParamType):
        return st.sampled_from(_WHOLE)
    if isinstance(kind, click.types.FloatParamType):
        return st.sampled_from(_REAL)
    return st.sampled_from(_PATH if isinstance(kind, click.Path) else [*_TEXT, *_WHOLE[:3]])


@st.composite
def _calls(draw):
    path = draw(st.sampled_from([p for p in _COMMANDS if p[0] in _DATA] * 2 + [*_COMMANDS]))
    command = _COMMANDS[path]
    words = [*path]
    for _ in (p for p in command.params if isinstance(p, click.Argument)):
        words.append(draw(st.sampled_from(_DATA.get(path[0], _PATH + _TEXT))))
    options = [p for p in command.params if isinstance(p, click.Option)]
    for option in draw(
        st.lists(st.sampled_from(options), min_size=1, max_size=3) if options else st.just([])
    ):
        words.append(draw(st.sampled_from([*option.opts, *option.secondary_opts])))
        if not option.is_flag:
            words += [draw(_values(option)) for _ in range(max(option.nargs, 1))]
    for flag, value in zip(*[iter(_ALWAYS.get(path[0], []))] * 2, strict=True):
        if flag not in words:
            words += [flag, value]
    if path[0] == "site" and "--scenarios" not in words:
        words += ["--scenarios", "24"]
    # Experiments and studies run for minutes where their options are good: these are not.
    if path[0] in ("benchmark", "reproduce"):
        words.append(draw(st.sampled_from(["--nosuch", "extra", "--json=3"])))
    return words


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """What a first call compiles is compiled: it would count as the time of an option set."""
    folder = tmp_path_factory.mktemp("first")
    for name, data in _DATA.items():
        code, *_ = called([name, data[0], *_ALWAYS.get(name, [])], folder)
        assert code in (0, 1)


@pytest.mark.skipif(os.name == "nt", reason="an alarm of POSIX ends what would not end")
@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(words=_calls())
def test_any_option_set_is_an_answer_or_one_line(words, compiled, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    code, out, err, seconds = called(words, folder)
    assert code in (0, 1, 2), err[-2000:]
    assert "Traceback" not in err
    assert seconds < _LIMIT
    if code == 2:
        assert err.startswith("Error: ")
        assert err.endswith("\n")
        assert err.count("\n") == 1
        assert len(err) <= 301
        assert out == ""
        assert not [p for p in Path(folder).rglob("*") if p.is_file()]
    else:
        assert out.strip(), "an end without a reason"
