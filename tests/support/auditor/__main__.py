"""Runs the auditor on a market as soon as it rests and prints what it found; exits with 1 if anything was."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping

from carbonmarket_client.values import money, tonnes
from support.auditor import audit_services


def told(figures: Mapping[str, int]) -> list[str]:
    """The figures as lines of a screen, in CNY and tonnes."""
    cleared = money(figures["cleared_two_sided_fen"])
    return [
        f"The auditor read {figures['events']:,} events: findings {figures['findings']:,}",
        f"  {figures['accounts']:,} accounts, the provinces' among them",
        f"  {figures['days']:,} days, {figures['days_settled']:,} settled; {figures['trades']:,} trades, "
        f"{figures['trades_settled']:,} settled, {figures['trades_excluded']:,} excluded",
        f"  listed {tonnes(figures['listed_tonnes'])} t, block {tonnes(figures['block_tonnes'])} t, together "
        f"{money(figures['value_fen'])}",
        f"  cleared {cleared}, counted on both sides",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m support.auditor", description="Recompute a market from its events."
    )
    for service in ("registry", "trading", "clearing"):
        parser.add_argument(f"--{service}", required=True, metavar="HOST:PORT")
    parser.add_argument("--logs-only", action="store_true", help="do not compare with what the services answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    addresses = {"registry": chosen.registry, "trading": chosen.trading, "clearing": chosen.clearing}
    started = time.monotonic()
    report = asyncio.run(audit_services(addresses, ask_queries=not chosen.logs_only))
    figures = {**report.figures, "findings": sum(report.findings.counts.values())}
    if chosen.json:
        print(json.dumps({**figures, "rules": dict(report.findings.counts), "named": report.findings.lines()}))
    else:
        for line in report.findings.lines():
            print(line)
        print("\n".join(told(figures)))
        print(f"audited in {time.monotonic() - started:.1f} s")
    return 0 if report.findings.clean else 1


if __name__ == "__main__":
    sys.exit(main())
