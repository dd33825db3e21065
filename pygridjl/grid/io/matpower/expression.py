"""Expressions of MATPOWER case files: read and evaluated in one go, never handed to ``eval``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pygridjl.core.types import IntArray
from pygridjl.grid.io.matpower.functions import (
    FUNCTIONS,
    LARGEST,
    VALUES,
    as_matrix,
    plain,
)
from pygridjl.grid.io.matpower.tokens import MatlabError, Token

__all__ = ["Parser", "flat_positions"]

_ADD: Mapping[str, Any] = {"+": np.add, "-": np.subtract}
_COMPARE: Mapping[str, Any] = {
    "==": np.equal,
    "~=": np.not_equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_AND: Mapping[str, Any] = {"&&": np.logical_and, "&": np.logical_and}
_OR: Mapping[str, Any] = {"||": np.logical_or, "|": np.logical_or}
# What has effects, or would need MATPOWER itself.
_KNOWN_CALLS = frozenset(FUNCTIONS) | {"isfield", "exist"}


class Parser:
    """Recursive descent over tokens, evaluating as it goes.

    Parameters
    ----------
    tokens : sequence of Token
        The expression.
    values : mapping
        Variables by name; fields of structs by their dotted name.
    """

    def __init__(self, tokens: Sequence[Token], values: Mapping[str, Any]) -> None:
        self.tokens, self.values = tokens, values
        self.at = 0
        self.last: float | None = None  # what `end` means inside an index
        self.cells = False  # directly inside the brackets of a matrix blanks separate

    def whole(self) -> Any:
        """Return the value of all tokens."""
        value = self.expression()
        if self.at < len(self.tokens):
            raise MatlabError(f"unexpected {self.tokens[self.at].text!r}")
        return value

    def expression(self) -> Any:
        """Return the value of the expression that begins here."""
        try:
            with np.errstate(all="ignore"):
                return plain(self._either())
        except RecursionError:
            raise MatlabError("is nested too deeply") from None

    def peek(self) -> str:
        """Return the sign that comes next, or nothing."""
        if self.at < len(self.tokens) and self.tokens[self.at].kind in ("sign", "row"):
            return self.tokens[self.at].text
        return ""

    def accept(self, *signs: str) -> str:
        """Step over one of these signs, if it comes next."""
        sign = self.peek()
        if sign not in signs or not sign:
            return ""
        self.at += 1
        return sign

    def expect(self, sign: str) -> None:
        """Step over a sign that must come next."""
        if not self.accept(sign):
            raise MatlabError(f"{sign!r} is missing")

    def _binary(self, below: Callable[[], Any], operations: Mapping[str, Any]) -> Any:
        value = below()
        while not self._begins_cell() and (sign := self.accept(*operations)):
            value = _apply(operations[sign], value, below())
        return value

    def _begins_cell(self) -> bool:
        """Whether a sign belongs to the next cell, as the minus of ``[1 -2]`` does."""
        if not self.cells or self.at >= len(self.tokens):
            return False
        token = self.tokens[self.at]
        after = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else None
        return (
            token.text in ("+", "-", "~", "!", "(", "'")
            and token.spaced
            and not (after is not None and after.spaced and token.text not in ("(", "~", "!"))
        )

    def _either(self) -> Any:
        return self._binary(self._both, _OR)

    def _both(self) -> Any:
        return self._binary(self._compared, _AND)

    def _compared(self) -> Any:
        return self._binary(self._range, _COMPARE)

    def _range(self) -> Any:
        first = self._total()
        if self.peek() != ":" or self._closes_index():
            return first
        self.at += 1
        step, last = 1.0, plain(self._total())
        if self.accept(":"):
            step, last = last, plain(self._total())
        first = plain(first)
        if not all(isinstance(v, float) and np.isfinite(v) for v in (first, step, last)):
            raise MatlabError("a range needs numbers")
        if step == 0:
            raise MatlabError("a range needs a step")
        count = np.floor((last - first) / step * (1 + 1e-15)) + 1
        if not count <= LARGEST:
            raise MatlabError("this range is too long")
        return (first + step * np.arange(max(int(count), 0)))[None, :]

    def _closes_index(self) -> bool:
        """Whether a colon is the whole subscript, as in ``x(:)``."""
        following = self.tokens[self.at + 1].text if self.at + 1 < len(self.tokens) else ""
        return following in (")", ",")

    def _total(self) -> Any:
        return self._binary(self._product, _ADD)

    def _product(self) -> Any:
        value = self._signed()
        while sign := self.accept("*", "/", ".*", "./"):
            right = self._signed()
            left_size, right_size = as_matrix(value).size, as_matrix(right).size
            if sign == "*" and left_size != 1 and right_size != 1:
                value = _product(as_matrix(value), as_matrix(right))
            elif sign == "/" and right_size != 1:
                raise MatlabError("quotients of matrices are not understood")
            else:
                value = _apply(np.multiply if sign[-1] == "*" else np.divide, value, right)
        return value

    def _signed(self) -> Any:
        if sign := self.accept("+", "-"):
            value = self._signed()
            return _apply(np.multiply, value, -1.0 if sign == "-" else 1.0)
        if self.accept("~", "!"):
            return as_matrix(self._signed()) == 0
        return self._power()

    def _power(self) -> Any:
        value = self._transposed()
        while sign := self.accept("^", ".^"):
            exponent = self._power_operand()
            if sign == "^" and (as_matrix(value).size != 1 or as_matrix(exponent).size != 1):
                raise MatlabError("powers of matrices are not understood")
            value = _apply(np.power, value, exponent)
        return value

    def _power_operand(self) -> Any:
        if sign := self.accept("+", "-"):
            return _apply(np.multiply, self._power_operand(), -1.0 if sign == "-" else 1.0)
        return self._transposed()

    def _transposed(self) -> Any:
        value = self._primary()
        while self.accept("'", ".'"):
            value = value if isinstance(value, str) else as_matrix(value).T
        return value

    def _primary(self) -> Any:
        if self.accept("("):
            outer, self.cells = self.cells, False
            value = self._either()
            self.cells = outer
            self.expect(")")
            return value
        if self.accept("["):
            return self._matrix()
        if self.at >= len(self.tokens):
            raise MatlabError("something is missing at the end")
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "number":
            return float(token.text.replace("d", "e").replace("D", "e"))
        if token.kind == "text":
            return token.text
        if token.kind == "name":
            return self._named(token.text)
        raise MatlabError(f"unexpected {token.text!r}")

    def _matrix(self) -> Any:
        """Return what stands between brackets: rows of cells, each a number or a block."""
        outer, self.cells = self.cells, True
        rows: list[Any] = []
        row: list[Any] = []
        texts = False
        while not self.accept("]"):
            if self.at >= len(self.tokens):
                raise MatlabError("']' is missing")
            if self.accept(";", "\n"):
                _add_row(rows, row)
                row = []
            elif not self.accept(","):
                value = self._either()
                texts |= isinstance(value, str)
                row.append(value)
        self.cells = outer
        if texts:
            return "".join(v for v in row if isinstance(v, str))
        _add_row(rows, row)
        if sum(line.size for line in rows) > LARGEST:
            raise MatlabError("a matrix of this size cannot be made")
        return np.vstack(rows) if rows else np.zeros((0, 0))

    def _named(self, name: str) -> Any:
        if name == "end" and self.last is not None:
            return self.last
        if name in self.values:
            value = self.values[name]
            indexed = self.peek() == "(" and not self._begins_cell()
            return self._part(name, value) if indexed else value
        if name in _KNOWN_CALLS:
            return self._call(name)
        if name in VALUES:
            return VALUES[name]
        raise MatlabError(f"unknown name {name!r}")

    def _part(self, name: str, value: Any) -> Any:
        if isinstance(value, str | list):
            raise MatlabError(f"{name} is not a matrix")
        matrix = as_matrix(value)
        picked = self.subscripts(matrix.shape)
        if len(picked) == 1:
            # One subscript counts down the columns.
            (flat,) = picked
            chosen = matrix.T.ravel()[flat_positions(flat, matrix.size)]
            return chosen[None, :] if matrix.shape[0] == 1 else chosen[:, None]
        rows, columns = picked
        _assert_within(rows, matrix.shape[0], "row")
        _assert_within(columns, matrix.shape[1], "column")
        return matrix[np.ix_(rows, columns)]

    def subscripts(self, shape: tuple[int, ...]) -> tuple[IntArray, ...]:
        """Return the 0-based positions of ``(rows, columns)`` or ``(positions)``."""
        self.expect("(")
        outer = self.cells, self.last
        self.cells = False
        alone = self._count_subscripts() == 1
        picked: list[IntArray] = []
        for size in (shape[0] * shape[1],) if alone else shape:
            if picked:
                self.expect(",")
            self.last = float(size)
            picked.append(self._subscript(size))
        self.expect(")")
        self.cells, self.last = outer
        return tuple(picked)

    def _count_subscripts(self) -> int:
        depth, count = 0, 1
        for token in self.tokens[self.at :]:
            if token.kind not in ("sign", "row"):
                continue
            if token.text in ("(", "[", "{"):
                depth += 1
            elif token.text in (")", "]", "}"):
                depth -= 1
                if depth < 0:
                    break
            elif token.text == "," and not depth:
                count += 1
        if count > 2:
            raise MatlabError("more than two subscripts are not understood")
        return count

    def _subscript(self, size: int) -> IntArray:
        if self.peek() == ":" and self._closes_index():
            self.at += 1
            return np.arange(size)
        value = as_matrix(self._either())
        if value.dtype == np.bool_:
            if value.size > size and value.ravel()[size:].any():
                raise MatlabError(f"a logical index of {value.size} for {size}")
            return np.flatnonzero(value.T.ravel())
        positions = value.T.ravel()
        if not np.all((positions >= 1) & (positions == np.round(positions))):
            raise MatlabError("an index is not a whole number from 1 on")
        if not np.all(positions <= LARGEST):
            raise MatlabError("an index is too large")
        return np.asarray(positions, dtype=np.int64) - 1

    def _call(self, name: str) -> Any:
        arguments: list[Any] = []
        if self.accept("("):
            outer, self.cells = (self.cells, self.last), False
            while not self.accept(")"):
                arguments.append(self._argument(name, len(arguments)))
                if self.peek() != ")":
                    self.expect(",")
            self.cells, self.last = outer
        if name in ("isfield", "exist"):
            wanted = [str(a) for a in arguments if isinstance(a, str)]
            found = ".".join(wanted if name == "isfield" else wanted[:1])
            return np.array([[found in self.values]])
        try:
            return FUNCTIONS[name](*(plain(a) for a in arguments))
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            if isinstance(error, MatlabError):
                raise
            raise MatlabError(f"{name} cannot be used like this") from None

    def _argument(self, name: str, count: int) -> Any:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        # The first argument of isfield is a struct, which has no value of its own.
        if name == "isfield" and not count and token is not None and token.kind == "name":
            self.at += 1
            return token.text
        return self._either()


def _add_row(rows: list[Any], row: list[Any]) -> None:
    """Append a row of blocks; they must be as high as each other and as wide as those above."""
    blocks = [as_matrix(value) for value in row]
    blocks = [block for block in blocks if block.size]
    if not blocks:
        return
    if any(block.shape[0] != blocks[0].shape[0] for block in blocks):
        raise MatlabError("blocks of a row differ in height")
    line = np.hstack(blocks)
    if rows and rows[0].shape[1] != line.shape[1]:
        number = sum(len(above) for above in rows) + 1
        raise MatlabError(
            f"row {number} has {line.shape[1]} columns, the first has {rows[0].shape[1]}"
        )
    rows.append(line)


def _product(left: Any, right: Any) -> Any:
    if left.shape[1] != right.shape[0]:
        raise MatlabError("the sizes of the operands differ")
    if left.shape[0] * right.shape[1] > LARGEST:
        raise MatlabError("a matrix of this size cannot be made")
    return left @ right


def _apply(operation: Any, left: Any, right: Any) -> Any:
    left, right = as_matrix(left), as_matrix(right)
    if operation in (np.add, np.subtract, np.multiply, np.divide, np.power):
        left, right = left.astype(np.float64), right.astype(np.float64)
    try:
        return operation(left, right)
    except ValueError:
        raise MatlabError("the sizes of the operands differ") from None


def flat_positions(positions: IntArray, size: int) -> IntArray:
    """Return positions that lie within ``size``, else refuse."""
    _assert_within(positions, size, "element")
    return positions


def _assert_within(positions: IntArray, size: int, what: str) -> None:
    if positions.size and positions.max() >= size:
        raise MatlabError(f"{what} index outside 1…{size}")
