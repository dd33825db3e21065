"""Pages made from the code: methods from the registries, names from the stubs, commands."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, ClassVar

import click
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx


class MethodTable(Directive):
    """The methods of a registry, ``module:name``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Build the table."""
        module, _, name = self.arguments[0].partition(":")
        rows = getattr(import_module(module), name).table()
        fields = [f for f in rows[0] if any(row.get(f) for row in rows)]
        return [_table(fields, [[str(row.get(f, "")) for f in fields] for row in rows])]


class PublicNames(Directive):
    """The public names of a module, each with its docstring."""

    required_arguments = 1
    kinds: ClassVar = (("Functions", "autofunction"), ("Classes", "autoclass"))

    def run(self) -> list[nodes.Node]:
        """List functions, then classes, then errors."""
        module = import_module(self.arguments[0])
        groups: dict[str, list[str]] = {"autofunction": [], "autoclass": [], "autoexception": []}
        for name in sorted(module.__all__):
            thing = getattr(module, name)
            if inspect.isclass(thing):
                error = issubclass(thing, BaseException)
                groups["autoexception" if error else "autoclass"].append(name)
            elif callable(thing):
                groups["autofunction"].append(name)
        lines: list[str] = []
        for directive, names in groups.items():
            for name in names:
                lines += [f".. {directive}:: {self.arguments[0]}.{name}", ""]
        return _parsed(self, lines)


class Commands(Directive):
    """Every command with its help."""

    def run(self) -> list[nodes.Node]:
        """List them."""
        from pygridjl.cli import cli

        found: list[nodes.Node] = []
        for path, command in _commands(cli, ("pygridjl",)):
            section = nodes.section(ids=["-".join(path)])
            section += nodes.title(text=" ".join(path))
            context = click.Context(command, info_name=" ".join(path), terminal_width=88)
            section += nodes.literal_block(text=command.get_help(context))
            found.append(section)
        return found


def _commands(
    command: click.Command, path: tuple[str, ...]
) -> list[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        return [(path, command)]
    context = click.Context(command, info_name=path[-1])
    found = []
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        found += _commands(child, (*path, name))
    return found


def _table(fields: list[str], rows: list[list[str]]) -> nodes.table:
    table = nodes.table()
    group = nodes.tgroup(cols=len(fields))
    table += group
    group += [nodes.colspec(colwidth=1) for _ in fields]
    head, body = nodes.thead(), nodes.tbody()
    group += [head, body]
    head += _row(fields)
    body += [_row(row) for row in rows]
    return table


def _row(cells: list[str]) -> nodes.row:
    row = nodes.row()
    for k, text in enumerate(cells):
        entry = nodes.entry()
        paragraph = nodes.paragraph()
        paragraph += nodes.literal(text=text) if k == 0 and text else nodes.Text(text)
        entry += paragraph
        row += entry
    return row


def _parsed(directive: Directive, lines: list[str]) -> list[nodes.Node]:
    node = nodes.section()
    node.document = directive.state.document
    source = StringList(lines, source="from_code")
    directive.state.nested_parse(source, directive.content_offset, node)
    return list(node.children)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("method-table", MethodTable)
    app.add_directive("public-names", PublicNames)
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
