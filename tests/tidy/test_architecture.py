"""What imports alone cannot say about who may do what; .importlinter says the rest."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pytest

from chassis.serving.frame import MIN_POSITION, REQUEST_ID
from support.source.repository import SERVICES, Module, domain_modules, modules

DOMAIN_IMPORTS = {
    "abc",
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "operator",
    "re",
    "types",
    "typing",
    "chassis.core.commitment",
    "chassis.core.days",
    "chassis.core.decider",
    "chassis.core.numbers_taken",
    "chassis.core.shapes",
    "chassis.core.sum_tree",
    "chassis.say.traceparent",
}
KAFKA_CLIENTS = {"aiokafka", "faststream"}
KAFKA_CLIENTS_IN = ("libs/chassis/chassis/edges/broker.py",)
SQL_START = re.compile(
    r"\s*(SELECT\b.*\bFROM\b|SELECT \w+\(|INSERT INTO|UPDATE \w+ SET|DELETE FROM|WITH \w+ AS|CREATE TABLE|TRUNCATE)",
    re.DOTALL,
)
SQL_IN = (
    r"libs/chassis/chassis/(log/postgres_log|edges/postgres_tables|followers/rows)\.py",
    r"libs/rehearsal/rehearsal/postgres\.py",
    r"services/\w+/\w+/(projections|queries|supply/rows)\.py",
    r"(tests|bench)/.*",
)
BALANCES = {
    "registry": {"Holding", "Vintage"},
    "trading": {"Account", "Funds", "Units"},
    "clearing": {"Account", "Funds"},
}
"""The classes that hold money and units: their fields of fen and tonnes change by their own methods only."""
AMOUNTS = ("_fen", "_tonnes")
SERVICE_FILES = {"__init__", "__main__", "api", "calls", "projections", "queries", "reactions", "wire"}


def test_kafka_clients_are_imported_in_one_module_only() -> None:
    importers = {
        module.path
        for module in modules()
        if not module.path.startswith(("tests/", "bench/"))
        and any(name.partition(".")[0] in KAFKA_CLIENTS for name in module.imports())
    }
    assert importers <= set(KAFKA_CLIENTS_IN)


def test_sql_stands_in_the_log_in_projections_and_in_queries_only() -> None:
    elsewhere = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        if not any(re.fullmatch(pattern, module.path) for pattern in SQL_IN)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_START.match(node.value)
    ]
    assert not elsewhere


@pytest.mark.parametrize("service", SERVICES)
def test_a_domain_imports_types_the_decider_and_its_siblings_only(service: str) -> None:
    strangers = {
        f"{module.path}: {name}"
        for module in domain_modules(service)
        for name in module.imports()
        if not (name in DOMAIN_IMPORTS or name.partition(".")[0] in DOMAIN_IMPORTS & set(sys.stdlib_module_names))
        and not name.startswith((*(f"{module}." for module in DOMAIN_IMPORTS), f"{service}.domain"))
    }
    assert not strangers


@pytest.mark.parametrize("service", SERVICES)
def test_the_modules_of_a_domain_import_each_other_in_no_circle(service: str) -> None:
    """Imports for annotations only count as well: the whole state is in state.py, which imports no concept."""
    names = {module.path.split("/")[-1].removesuffix(".py"): module for module in domain_modules(service)}
    imports = {
        name: {other for other in names if f"{service}.domain.{other}" in set(module.imports())}
        for name, module in names.items()
    }
    assert "state" in names
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as circle:
        pytest.fail(f"{service}.domain: {' <- '.join(circle.args[1])}")


@pytest.mark.parametrize("service", SERVICES)
def test_a_domain_writes_its_annotations_without_quotes(service: str) -> None:
    """Only a class may be quoted, inside itself; what is imported for annotations alone hides a circle."""
    found = [
        f"{module.path}:{node.lineno}"
        for module in domain_modules(service)
        for node in (*quoted_annotations(module), *imports_for_annotations(module))
    ]
    assert not found


@pytest.mark.parametrize("service", SERVICES)
def test_a_balance_changes_by_the_moves_of_its_own_class_only(service: str) -> None:
    """A move asserts over all fields; a change beside it would not, and may forget one of them. Other classes may have
    fields of these names too, and change their own.
    """
    within = {node.name: node for module in domain_modules(service) for node in classes(module, BALANCES[service])}
    assert within.keys() == BALANCES[service]
    fields = {
        item.target.id
        for kind in within.values()
        for item in kind.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id.endswith(AMOUNTS)
    }
    own = {id(node) for kind in within.values() for node in ast.walk(kind)}
    found = [
        f"{module.path}:{node.lineno}"
        for module in domain_modules(service)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute | ast.Name)
        and id(node) not in own
        and ((isinstance(node, ast.Name) and node.id == "setattr") or writes(node, fields))
    ]
    assert not found


@pytest.mark.parametrize("service", SERVICES)
def test_a_domain_is_there_and_has_no_fractions(service: str) -> None:
    assert domain_modules(service)
    assert not [place for module in domain_modules(service) for place in fractions(module)]


@pytest.mark.parametrize("service", SERVICES)
def test_a_domain_neither_waits_nor_prints_nor_opens(service: str) -> None:
    found = [
        f"{module.path}:{node.lineno}"
        for module in domain_modules(service)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"print", "open", "input"}
        )
    ]
    assert not found


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_same_file_names_as_every_other(service: str) -> None:
    folder = f"services/{service}/{service}/"
    names = {
        module.path.removeprefix(folder).removesuffix(".py") for module in modules() if module.path.startswith(folder)
    }
    assert {"__main__", "api", "wire", "queries", "projections", "reactions"} <= names
    assert {name for name in names if "/" not in name} <= SERVICE_FILES


def classes(module: Module, names: set[str]) -> Iterator[ast.ClassDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and node.name in names:
            yield node


def writes(node: ast.Attribute | ast.Name, fields: set[str]) -> bool:
    """Whether it is one of the fields of another object, where it is assigned, changed or deleted."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr in fields
        and not isinstance(node.ctx, ast.Load)
        and ast.unparse(node.value) != "self"
    )


def quoted_annotations(module: Module) -> Iterator[ast.Constant]:
    """Yield every annotation, or part of one, in quotes, except a class's own name within the class."""
    classes = {
        id(node): kind.name
        for kind in ast.walk(module.tree)
        if isinstance(kind, ast.ClassDef)
        for node in ast.walk(kind)
    }
    for node in ast.walk(module.tree):
        annotation = node.returns if isinstance(node, ast.FunctionDef) else getattr(node, "annotation", None)
        for part in ast.walk(annotation) if annotation is not None else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value != classes.get(id(part)):
                yield part


def imports_for_annotations(module: Module) -> Iterator[ast.Name]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id == "TYPE_CHECKING":
            yield node


def fractions(module: Module) -> Iterator[str]:
    """Yield every place where a number stops being whole: a float literal, `float`, `Decimal`, `/` or `round`."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.expr | ast.stmt):
            continue
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        named = isinstance(node, ast.Name) and node.id in {"float", "Decimal", "Fraction", "round"}
        divided = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        if literal or named or divided:
            yield f"{module.path}:{node.lineno}"


def test_no_method_reads_the_fields_of_a_request_that_are_the_frames() -> None:
    """The frame around every rpc has read them before: a method that reads one does by itself what is done for all."""
    served = ("api.py", "queries.py", "command_service.py", "log_service.py")
    fields = (REQUEST_ID, MIN_POSITION)
    reads = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        if module.path.endswith(served) and not module.path.startswith("tests/")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in fields and ast.unparse(node.value) == "request"
    ]
    assert not reads


def test_what_tests_share_is_in_folders_that_say_what_they_hold_and_has_names_of_its_own() -> None:
    shared = [module for module in modules() if module.path.startswith("tests/support/")]
    loose = [module.path for module in shared if module.path.count("/") == 2]
    assert loose == ["tests/support/__init__.py"]
    names = Counter(node.name for module in shared for node in module.tree.body if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_a_folder_of_the_chassis_begins_with_its_design_note_and_nothing_else() -> None:
    notes = [module for module in modules() if re.fullmatch(r"libs/chassis/chassis/(\w+/)?__init__\.py", module.path)]
    assert len(notes) == 8
    assert all(ast.get_docstring(module.tree) and len(module.tree.body) == 1 for module in notes)
