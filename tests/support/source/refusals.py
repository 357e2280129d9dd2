"""What an rpc can be refused with, read from the code: from its method over its command's decision to every function
that these use.

An rpc's method is found by its service's class, or is the one of all rpcs that answer with a position; its command by
its own name (chassis.core.commands), the command's decision in the `DECIDE` tables. A function is followed wherever its
name occurs, called or passed on; a method only on `self`, and none of the domains' values refuses by itself. A refusal
that is made and not raised (`obstacles`) counts where it is raised: in who raises a value that it was given.
"""

import ast
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cache

from support.source.repository import Module, Rpc, modules

REJECTIONS = {"Rejected", "Malformed", "NotFound", "NotPermitted", "BeyondEnd", "Overloaded", "KeptAway"}
PLACES = ("services/", "libs/chassis/")
SHELL = "chassis."

NAMED_AS_THEY_ARE = "and the first of them by name"
"""How an rpc lists facts whose names the code does not spell out: `**named`."""

Name = tuple[str, str]
"""A module, and what it defines: a function, a class or `Class.method`."""


ACKNOWLEDGE: Name = ("chassis.serving.command_service", "acknowledgement")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in the code: its class, and how it is listed, `REASON fact, fact`."""

    kind: str
    listed: str


@dataclass(frozen=True, slots=True)
class Function:
    """What a function raises and makes by itself, and the names that it uses."""

    raised: Set[Refusal]
    made: Set[Refusal]
    raises_what_it_was_given: bool
    uses: Set[Name]


@dataclass(frozen=True, slots=True)
class Code:
    """Every function of some modules, and which of them decides a command."""

    functions: Mapping[Name, Function]
    decisions: Mapping[Name, Name]

    def method_of(self, rpc: Rpc) -> Name:
        """Return the method that serves an rpc: its own, or the one of all that answer with a position."""
        found = [name for name in self.functions if name[1] == f"{rpc.service}.{rpc.name}"]
        assert len(found) <= 1, f"{rpc.service}.{rpc.name} is served by {len(found)} methods, and needs one"
        return found[0] if found else ACKNOWLEDGE

    def begins_at(self, rpc: Rpc) -> set[Name]:
        """Return where an rpc's code begins: its method, and the decision on the command that it is named by."""
        (served_in,) = {package(module) for module, name in self.functions if name.startswith(f"{rpc.service}.")}
        decided = {
            decision
            for (module, command), decision in self.decisions.items()
            if command == rpc.name and package(module) == served_in
        }
        return {self.method_of(rpc), *decided}

    def refusals_of(self, rpc: Rpc) -> set[str]:
        """Return what an rpc can be refused with, as it lists it, beside what any rpc can be refused with."""
        reached = self.reached_from(self.begins_at(rpc))
        passed_on = self.reached_from(name for name in reached if self.functions[name].raises_what_it_was_given)
        raised = {refusal for name in reached for refusal in self.functions[name].raised}
        given = {refusal for name in passed_on for refusal in self.functions[name].made}
        return {refusal.listed for refusal in raised | given}

    def refusals_of_any(self, all_rpcs: Iterable[Rpc]) -> set[Refusal]:
        """Return what the shell refuses with around every rpc: in code that no rpc reaches, and what that uses."""
        reached = self.reached_from(name for rpc in all_rpcs for name in self.begins_at(rpc))
        shell = (name for name in self.functions if name[0].startswith(SHELL))
        around = self.reached_from(name for name in shell if name not in reached)
        return {refusal for name in around for refusal in self.functions[name].raised | self.functions[name].made}

    def reached_from(self, names: Iterable[Name]) -> set[Name]:
        """Return these functions and all that they use, at any remove."""
        reached: set[Name] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in self.functions and name not in reached:
                reached.add(name)
                waiting += self.functions[name].uses
        return reached


@cache
def code() -> Code:
    """Return the code of the services and of their shell."""
    return code_of(module for module in modules() if module.path.startswith(PLACES))


def code_of(read: Iterable[Module]) -> Code:
    """Return the code of some modules."""
    functions: dict[Name, Function] = {}
    decisions: dict[Name, Name] = {}
    for module in read:
        known = Names(module)
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions[known.module, node.name] = known.function(node)
            elif isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                        functions[known.module, f"{node.name}.{method.name}"] = known.function(method, node.name)
            elif isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "DECIDE":
                for command_node, decide in entries(module, node.value):
                    decisions[known.of(command_node)] = known.of(decide)
    return Code(functions, decisions)


def entries(module: Module, table: ast.expr | None) -> list[tuple[ast.expr, ast.expr]]:
    """The commands and their decisions in `handles(…)`, or in `merged(handles(…), …)`."""
    assert isinstance(table, ast.Call), f"{module.path} has a table of decisions that is not made of handles"
    each = table.args if ast.unparse(table.func) == "merged" else [table]
    found = []
    for entry in each:
        assert isinstance(entry, ast.Call), ast.unparse(entry)
        assert ast.unparse(entry.func) == "handles", ast.unparse(entry)
        command, decide = entry.args
        found.append((command, decide))
    return found


class Names:
    """What the names in one module mean."""

    def __init__(self, module: Module) -> None:
        self.module = ".".join(module.path.removesuffix(".py").removesuffix("/__init__").split("/")[2:])
        self.meant = {node.name: (self.module, node.name) for node in module.tree.body if hasattr(node, "name")}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                self.meant |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}

    def of(self, node: ast.AST, class_name: str = "") -> Name:
        """Return what a name or a dotted name means; ("", "") if it is nothing of a module."""
        match node:
            case ast.Name(name):
                return self.meant.get(name, ("", ""))
            case ast.Attribute(ast.Name("self"), name):
                return (self.module, f"{class_name}.{name}")
            case ast.Attribute(ast.Name(owner), name) if owner in self.meant:
                return (".".join(self.meant[owner]), name)
        return ("", "")

    def function(self, node: ast.AST, class_name: str = "") -> Function:
        """Return what a function raises, makes and uses. What it calls by a name of its own is not the module's."""
        inside = list(ast.walk(node))
        own = {one.id for one in inside if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        own |= {one.arg for one in inside if isinstance(one, ast.arg)} - {"self"}
        thrown = [one.exc for one in inside if isinstance(one, ast.Raise) and one.exc is not None]
        return Function(
            raised={refusal_of(one) for one in thrown if is_refusal(one)},
            made={refusal_of(one) for one in inside if is_refusal(one) and one not in thrown},
            raises_what_it_was_given=any(not isinstance(one, ast.Call) for one in thrown),
            uses={self.of(one, class_name) for one in inside if owner_of(one) not in own} - {("", "")},
        )


def package(module: str) -> str:
    return module.partition(".")[0]


def owner_of(node: ast.AST) -> str:
    """Return the name that a name or a dotted name begins with."""
    first = node.value if isinstance(node, ast.Attribute) else node
    return first.id if isinstance(first, ast.Name) else ""


def is_refusal(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REJECTIONS


def refusal_of(node: ast.AST) -> Refusal:
    """Return the refusal that is made there. Its reason is spelled out, so that people find it."""
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    reason, facts = node.args[0], [fact.arg or NAMED_AS_THEY_ARE for fact in node.keywords]
    assert isinstance(reason, ast.Constant), f"line {node.lineno} makes a refusal whose reason is not spelled out"
    return Refusal(node.func.id, f"{reason.value!s} {', '.join(facts)}".strip())
