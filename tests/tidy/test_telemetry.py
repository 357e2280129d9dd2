"""docs/telemetry.yaml names every metric of the code and no other."""

import ast
import re

import yaml

from support.repository import ROOT, modules

KEYS = {"name", "kind", "unit", "attributes", "what"}
METRIC = re.compile(r"carbonmarket\.(?!(registry|trading|clearing|log|access)(\.v1|$))[a-z_]+(\.[a-z_]+)*")


def test_the_registry_file_and_the_code_name_the_same_metrics() -> None:
    documented = [metric["name"] for metric in documented_metrics()]
    assert len(documented) == len(set(documented))
    assert set(documented) == metrics_in_code()


def test_every_metric_is_described() -> None:
    assert not [metric for metric in documented_metrics() if set(metric) != KEYS or not metric["what"]]


def documented_metrics() -> list[dict[str, object]]:
    """Return the entries of docs/telemetry.yaml."""
    metrics: list[dict[str, object]] = yaml.safe_load((ROOT / "docs" / "telemetry.yaml").read_text())["metrics"]
    return metrics


def metrics_in_code() -> set[object]:
    """Return every metric name spelled out in the chassis or in a service."""
    return {
        node.value
        for module in modules()
        if module.path.startswith(("libs/chassis/", "services/"))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and METRIC.fullmatch(node.value)
    }
