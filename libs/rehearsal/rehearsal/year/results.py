"""The figures of year.json. Every one is read from a service, or from the operating system; none from the plan."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from carbonmarket.clearing.v1 import clearing_query_service_pb2 as query
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from carbonmarket.registry.v1 import registry_types_pb2 as registry_types
from carbonmarket_client import pages
from rehearsal.people import AUDITOR, People
from rehearsal.processes import Usage
from rehearsal.stack import SERVICES
from rehearsal.year.compare import Bulletins, Mismatch, differences, figures_of

FIRST_ATTEMPT = 1


@dataclass(frozen=True, slots=True)
class Results:
    """What a played plan came to. Tonnes and fen; `accounts` are those of entities, without the province's.

    A day is abnormal when its run needed a second attempt, left a trade out or was not completed, or when its books
    did not agree. `feed_errors` are known errors of the file that was played. `reconciled_rows` are the rows that
    clearing compared in all reconciliations.
    """

    days: int
    accounts: int
    trades: int
    listed_tonnes: int
    block_tonnes: int
    value_fen: int
    cleared_two_sided_fen: int
    days_settled: int
    abnormal_days: int
    rows_compared: int
    reconciled_rows: int
    mismatches: tuple[str, ...]
    feed_errors: tuple[str, ...]
    commands: int
    events: int
    wall_s: float
    services: Mapping[str, Usage]

    @property
    def flawless(self) -> bool:
        """Whether every figure was met and every day was a normal one."""
        return not self.mismatches and not self.abnormal_days

    def write(self, path: Path) -> None:
        """Write them as JSON, with seconds and megabytes to one decimal."""
        figures = asdict(self)
        figures["services"] = {
            name: {"cpu_s": round(usage.cpu_s, 1), "rss_mb_max": round(usage.rss_mb_max, 1)}
            for name, usage in self.services.items()
        }
        figures["wall_s"] = round(self.wall_s, 1)
        path.write_text(json.dumps(figures, indent=2) + "\n")


async def gather_results(
    people: People,
    bulletins: Bulletins,
    wanted: Mapping[str, int],
    *,
    mismatches: tuple[Mismatch, ...],
    commands: int,
    wall_s: float,
    services: Mapping[str, Usage],
) -> Results:
    """Read what is not in the bulletins from the services, and compare the totals with `wanted`. Raises MarketError."""
    runs = await _runs(people)
    reconciliations = await _reconciliations(people)
    abnormal = {run.day for run in runs if not _is_normal(run)} | (set(bulletins.days) - {run.day for run in runs})
    abnormal |= {one.day for one in reconciliations if not one.agreed}
    results = Results(
        days=len(bulletins.days),
        accounts=await _accounts(people),
        trades=bulletins.trades,
        listed_tonnes=sum(bulletins.listed_tonnes),
        block_tonnes=sum(bulletins.block_tonnes),
        value_fen=sum(bulletins.value_fen),
        cleared_two_sided_fen=2 * sum(run.value_fen for run in runs),
        days_settled=sum(run.phase == types.RUN_PHASE_COMPLETED for run in runs),
        abnormal_days=len(abnormal),
        rows_compared=bulletins.rows_compared,
        reconciled_rows=sum(one.rows_compared for one in reconciliations),
        mismatches=(),
        feed_errors=tuple(map(str, bulletins.feed_errors)),
        commands=commands,
        events=await _events(people),
        wall_s=wall_s,
        services=services,
    )
    found = (*mismatches, *differences("total", wanted, figures_of(results, wanted)))
    return replace(results, mismatches=tuple(map(str, found)))


def _is_normal(run: query.Run) -> bool:
    return run.phase == types.RUN_PHASE_COMPLETED and run.attempt == FIRST_ATTEMPT and not run.excluded_trades


async def _runs(people: People) -> list[query.Run]:
    clearing, head = people.acting_as(AUDITOR).clearing, await people.head("clearing")
    every = pages(lambda token: clearing.list_runs(page_token=token, min_position=head))
    return [run async for page in every for run in page.runs]


async def _reconciliations(people: People) -> list[query.Reconciliation]:
    clearing, head = people.acting_as(AUDITOR).clearing, await people.head("clearing")
    every = pages(lambda token: clearing.list_reconciliations(page_token=token, min_position=head))
    return [one async for page in every for one in page.reconciliations]


async def _accounts(people: People) -> int:
    registry = people.acting_as(AUDITOR).registry
    every = pages(lambda token: registry.list_accounts(page_token=token))
    kinds = [account.kind async for page in every for account in page.accounts]
    return sum(kind != registry_types.ACCOUNT_KIND_PROVINCE for kind in kinds)


async def _events(people: People) -> int:
    return sum([await people.head(service) for service in SERVICES])
