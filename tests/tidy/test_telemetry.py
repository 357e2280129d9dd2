"""docs/telemetry.yaml is the registry of telemetry names: code and file may not differ."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
REGISTRY = yaml.safe_load((ROOT / "docs" / "telemetry.yaml").read_text())
METRIC = re.compile(r"carbonmarket\.(?!(?:registry|trading|clearing|log|access)\.v1)[a-z_]+(?:\.[a-z_]+)*")
STARTERS = {"root", "branch", "gathering"}


def sources() -> Iterator[ast.Module]:
    for folder in (ROOT / "libs" / "chassis" / "chassis", ROOT / "services"):
        for file in sorted(folder.rglob("*.py")):
            yield ast.parse(file.read_text())


def calls(tree: ast.Module, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
            yield node


def test_every_metric_in_the_code_stands_in_the_registry_and_the_other_way_round() -> None:
    found = {
        node.value
        for tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and METRIC.fullmatch(node.value)
    }
    assert found == set(REGISTRY["metrics"])


def test_every_metric_says_its_kind_unit_and_meaning() -> None:
    for name, entry in REGISTRY["metrics"].items():
        assert entry["kind"] in ("histogram", "gauge", "counter"), name
        assert entry["unit"] and entry["what"].endswith("."), name


def test_every_span_attribute_in_the_code_stands_in_the_registry_and_the_other_way_round() -> None:
    found: set[str] = set()
    for tree in sources():
        for call in calls(tree, STARTERS):
            found |= {
                key.value
                for keyword in call.keywords
                if keyword.arg == "attributes" and isinstance(keyword.value, ast.Dict)
                for key in keyword.value.keys
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
        found |= {str(call.args[0].value) for call in calls(tree, {"note"}) if isinstance(call.args[0], ast.Constant)}
        found |= {
            key.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "attributes"
            and isinstance(node.value, ast.Dict)
            for key in node.value.keys
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }
    listed = {name for entry in REGISTRY["spans"].values() for name in entry.get("attributes", [])}
    assert found == listed


def test_every_fixed_span_name_in_the_code_stands_in_the_registry() -> None:
    """A name is a literal, or a literal word before what it names (`hear TradeExecuted`)."""
    first_words = {name.split(" ")[0].partition("{")[0] for name in REGISTRY["spans"]}
    for tree in sources():
        for call in calls(tree, STARTERS):
            name = call.args[0] if call.args else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                assert name.value in REGISTRY["spans"]
            elif isinstance(name, ast.JoinedStr) and isinstance(name.values[0], ast.Constant):
                assert str(name.values[0].value).strip() in first_words


def test_log_lines_carry_the_fields_the_registry_names() -> None:
    """A line's fields are its `extra`, or a mapping called `where` that becomes it."""
    given = [
        keyword.value
        for tree in sources()
        for call in calls(tree, {"debug", "info", "warning", "error", "critical"})
        for keyword in call.keywords
        if keyword.arg == "extra"
    ]
    assigned = [
        node
        for tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
    ]
    targets = [(node.targets[0] if isinstance(node, ast.Assign) else node.target, node.value) for node in assigned]
    given += [value for target, value in targets if value is not None and ast.unparse(target) == "where"]
    assert all(isinstance(one, ast.Dict) or ast.unparse(one) == "where" for one in given)
    keys = [key for one in given if isinstance(one, ast.Dict) for key in one.keys if key is not None]
    keys += [
        target.slice
        for target, _ in targets
        if isinstance(target, ast.Subscript) and ast.unparse(target.value) == "where"
    ]
    assert {ast.literal_eval(key) for key in keys} == set(REGISTRY["log_fields"])
