"""Values and expressions of the MATPOWER case-file interpreter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from pygridjl.core.types import FloatArray, IntArray

__all__ = ["CONSTANTS", "MatlabError", "evaluate", "index_positions", "parse_cells"]


class MatlabError(ValueError):
    """An expression cannot be read; the interpreter adds file, line and statement."""


def _numbered(names: str, start: int = 1) -> list[tuple[str, int]]:
    return [(name, number) for number, name in enumerate(names.split(), start)]


# Outputs of MATPOWER's idx_* functions, in order, with their values (manual, tables B-1 to B-5).
CONSTANTS: Mapping[str, list[tuple[str, int]]] = {
    "idx_bus": _numbered("PQ PV REF NONE")
    + _numbered("BUS_I BUS_TYPE PD QD GS BS BUS_AREA VM VA BASE_KV ZONE VMAX VMIN")
    + _numbered("LAM_P LAM_Q MU_VMAX MU_VMIN", 14),
    "idx_brch": _numbered("F_BUS T_BUS BR_R BR_X BR_B RATE_A RATE_B RATE_C TAP SHIFT BR_STATUS")
    + _numbered("PF QF PT QT MU_SF MU_ST", 14)
    + _numbered("ANGMIN ANGMAX", 12)
    + _numbered("MU_ANGMIN MU_ANGMAX", 20),
    "idx_gen": _numbered("GEN_BUS PG QG QMAX QMIN VG MBASE GEN_STATUS PMAX PMIN")
    + _numbered("MU_PMAX MU_PMIN MU_QMAX MU_QMIN", 22)
    + _numbered("PC1 PC2 QC1MIN QC1MAX QC2MIN QC2MAX RAMP_AGC RAMP_10 RAMP_30 RAMP_Q APF", 11),
    "idx_cost": _numbered("PW_LINEAR POLYNOMIAL") + _numbered("MODEL STARTUP SHUTDOWN NCOST COST"),
}

_FUNCTIONS = {
    name: getattr(np, numpy_name)
    for name, numpy_name in {
        "sin": "sin",
        "cos": "cos",
        "tan": "tan",
        "asin": "arcsin",
        "acos": "arccos",
        "atan": "arctan",
        "sqrt": "sqrt",
        "abs": "abs",
        "exp": "exp",
        "log": "log",
    }.items()
}
_VALUES = {"pi": np.pi, "inf": np.inf, "Inf": np.inf, "nan": np.nan, "NaN": np.nan}
_PLAIN_MATRIX = re.compile(r"[\s\d.eE+\-,;InfNa]*")
_LONGEST_RANGE = 10_000_000

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)"
    r"|(?P<text>'(?:[^']|'')*'|\"[^\"]*\")"
    r"|(?P<sign>\.\*|\./|\.\^|[-+*/^():,\[\]]))"
)


def evaluate(text: str, names: Mapping[str, Any], mpc: Mapping[str, Any]) -> Any:
    """Return the value of an expression.

    Parameters
    ----------
    text : str
        The expression.
    names : mapping
        Variables and column constants.
    mpc : mapping
        Fields of the case read so far.

    Returns
    -------
    float, ndarray of shape (rows, columns), str or list

    Raises
    ------
    MatlabError
        If the expression is not understood.
    """
    plain = text.strip()
    if plain.startswith("[") and plain.endswith("]"):
        body = plain[1:-1]
        if not re.search(r"[\[\]'\"]", body):
            return _matrix(body, names, mpc)
    return _Parser(text, names, mpc).whole()


def parse_cells(text: str) -> list[str]:
    """Return the texts of a cell array; its other contents do not matter to a network."""
    return [found.replace("''", "'") for found in re.findall(r"'((?:[^'\n]|'')*)'", text)]


def index_positions(
    text: str, shape: tuple[int, ...], names: Mapping[str, Any], mpc: Mapping[str, Any]
) -> tuple[IntArray, IntArray]:
    """Return the 0-based rows and columns that ``text``, as in ``x(text)``, selects."""
    parser = _Parser(text, names, mpc)
    rows, columns = parser.subscripts(shape)
    parser.finish()
    return rows, columns


def _matrix(body: str, names: Mapping[str, Any], mpc: Mapping[str, Any]) -> FloatArray:
    plain = _PLAIN_MATRIX.fullmatch(body) is not None
    rows: list[list[float]] = []
    for line in re.split(r"[;\n]", body):
        if not line.strip():
            continue
        row = _plain_row(line) if plain else None
        rows.append(_row(line, names, mpc) if row is None else row)
        if len(rows[-1]) != len(rows[0]):
            raise MatlabError(
                f"row {len(rows)} has {len(rows[-1])} columns, the first has {len(rows[0])}"
            )
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)


def _plain_row(line: str) -> list[float] | None:
    try:
        return [float(cell) for cell in line.replace(",", " ").split()]
    except ValueError:
        return None


def _row(line: str, names: Mapping[str, Any], mpc: Mapping[str, Any]) -> list[float]:
    """One row of a matrix whose cells are expressions, separated by commas or blanks.

    Blanks around an operator do not separate; a blank before but not after a sign does, as in
    ``[1 -2]``.
    """
    joined = re.sub(r"\(\s*([^()]*?)\s*\)", lambda m: "(" + "".join(m[1].split()) + ")", line)
    joined = re.sub(r"\s*(\.?[*/^])\s*", r"\1", joined.strip())
    joined = re.sub(r"\s+([-+])\s+", r"\1", joined)
    joined = re.sub(r"(?<=[^\s,])([-+])\s+", r"\1", joined)
    row = []
    for cell in re.split(r"[,\s]+", joined.strip(" \t,")):
        value = _Parser(cell, names, mpc).whole()
        if not isinstance(value, float):
            raise MatlabError(f"cell {cell!r} is not a number")
        row.append(value)
    return row


class _Parser:
    """Recursive descent over one expression, evaluating as it goes."""

    def __init__(self, text: str, names: Mapping[str, Any], mpc: Mapping[str, Any]) -> None:
        self.text, self.names, self.mpc = text, names, mpc
        self.tokens = self._tokens(text)
        self.at = 0
        self.last = 0  # what `end` means inside an index

    @staticmethod
    def _tokens(text: str) -> list[tuple[str, str]]:
        tokens, position = [], 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None:
                raise MatlabError(f"cannot read {stripped[position : position + 20].strip()!r}")
            kind = match.lastgroup or ""
            tokens.append((kind, match[kind]))
            position = match.end()
        return tokens

    def whole(self) -> Any:
        try:
            with np.errstate(all="ignore"):
                value = self.total()
        except RecursionError:
            raise MatlabError("is nested too deeply") from None
        self.finish()
        return value

    def finish(self) -> None:
        if self.at < len(self.tokens):
            raise MatlabError(f"unexpected {self.tokens[self.at][1]!r}")

    def accept(self, *signs: str) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at] in {("sign", s) for s in signs}:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def expect(self, sign: str) -> None:
        if not self.accept(sign):
            raise MatlabError(f"{sign!r} is missing")

    def total(self) -> Any:
        value = self.product()
        while sign := self.accept("+", "-"):
            right = self.product()
            value = _apply(np.add if sign == "+" else np.subtract, value, right)
        return value

    def product(self) -> Any:
        value = self.signed()
        while sign := self.accept("*", "/", ".*", "./"):
            right = self.signed()
            matrices = isinstance(value, np.ndarray) and isinstance(right, np.ndarray)
            if (matrices and sign in "*/") or (sign == "/" and isinstance(right, np.ndarray)):
                raise MatlabError("matrix products and quotients are not understood")
            value = _apply(np.multiply if sign[-1] == "*" else np.divide, value, right)
        return value

    def signed(self) -> Any:
        if sign := self.accept("+", "-"):
            value = self.signed()
            return _apply(np.multiply, value, -1.0 if sign == "-" else 1.0)
        return self.power()

    def power(self) -> Any:
        value = self.primary()
        while sign := self.accept("^", ".^"):
            exponent = self.power_operand()
            if sign == "^" and not (isinstance(value, float) and isinstance(exponent, float)):
                raise MatlabError("powers of matrices are not understood")
            value = _apply(np.power, value, exponent)
        return value

    def power_operand(self) -> Any:
        if sign := self.accept("+", "-"):
            return _apply(np.multiply, self.power_operand(), -1.0 if sign == "-" else 1.0)
        return self.primary()

    def primary(self) -> Any:
        if self.accept("("):
            value = self.total()
            self.expect(")")
            return value
        if self.at >= len(self.tokens):
            raise MatlabError("something is missing at the end")
        kind, token = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return float(token)
        if kind == "text":
            return token[1:-1]
        if kind == "name":
            return self.named(token)
        raise MatlabError(f"unexpected {token!r}")

    def named(self, name: str) -> Any:
        if name == "end" and self.last:
            return float(self.last)
        value = self.mpc.get(name[4:]) if name.startswith("mpc.") else self.names.get(name)
        if value is None and name in _FUNCTIONS:
            self.expect("(")
            argument = self.total()
            self.expect(")")
            return _apply(lambda x, _: _FUNCTIONS[name](x), argument, 0.0)
        if value is None and name in _VALUES:
            return _VALUES[name]
        if value is None:
            raise MatlabError(f"unknown name {name!r}")
        if not self.accept("("):
            return value
        if not isinstance(value, np.ndarray):
            raise MatlabError(f"{name} is not a matrix")
        rows, columns = self.subscripts(value.shape)
        self.expect(")")
        part = value[np.ix_(rows, columns)]
        return float(part[0, 0]) if part.size == 1 else part

    def subscripts(self, shape: tuple[int, ...]) -> tuple[IntArray, IntArray]:
        rows = self.subscript(shape[0], "row")
        self.expect(",")
        return rows, self.subscript(shape[1], "column")

    def subscript(self, size: int, what: str) -> IntArray:
        if self.accept(":"):
            return np.arange(size)
        outer, self.last = self.last, size
        wanted = self.bracketed() if self.accept("[") else self.span()
        self.last = outer
        positions = np.asarray(wanted, dtype=np.float64).ravel()
        if not np.all((positions >= 1) & (positions <= size) & (positions == positions.round())):
            raise MatlabError(f"{what} index outside 1…{size}")
        return positions.astype(np.int64) - 1

    def bracketed(self) -> list[float]:
        """Return the numbers of a list of columns such as ``[PD, QD]``."""
        values: list[float] = []
        while not self.accept("]"):
            value = self.span()
            values.extend(np.asarray(value, dtype=np.float64).ravel().tolist())
            self.accept(",")
        return values

    def span(self) -> Any:
        first = self.total()
        if not self.accept(":"):
            if isinstance(first, str | list):
                raise MatlabError("an index must be a number")
            return first
        step, last = 1.0, self.total()
        if self.accept(":"):
            step, last = last, self.total()
        if not all(isinstance(v, float) for v in (first, step, last)) or step == 0:
            raise MatlabError("a range needs numbers")
        count = np.floor((last - first) / step) + 1
        if not count <= _LONGEST_RANGE:
            raise MatlabError("this range is too long")
        return first + step * np.arange(max(int(count), 0))


def _apply(operation: Any, left: Any, right: Any) -> Any:
    """Apply a numpy operation to numbers and matrices, keeping numbers plain."""
    for value in (left, right):
        if not isinstance(value, float | np.ndarray):
            raise MatlabError("a number or matrix is needed")
    try:
        result = operation(left, right)
    except ValueError:
        raise MatlabError("the sizes of the operands differ") from None
    return result if isinstance(result, np.ndarray) and result.ndim == 2 else float(result)
