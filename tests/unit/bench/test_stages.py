"""A sampled stack of calls counts for the stage of its innermost call that has one."""

import pytest

from bench.stages import samples_by_stage, stage_of

LOOP = "run (chassis/process/main.py:96);BaseEventLoop._run_once (asyncio/base_events.py:1922)"
BATCH = f"{LOOP};Writer.run (chassis/log/writer.py:166);Writer._one_batch (chassis/log/writer.py:199)"
DECIDES = f"{BATCH};Writer._decide (chassis/log/writer.py:240);Engine.decide (chassis/core/engine.py:230)"
RECORDS = f"{DECIDES};Engine._record (chassis/core/engine.py:331)"
APPENDS = f"{LOOP};Writer._append_batch (chassis/log/writer.py:280)"


@pytest.mark.parametrize(
    ("stack", "stage"),
    [
        (LOOP, "loop"),
        (f"{DECIDES};take_listing (trading/domain/listed.py:178)", "decide"),
        (f"{RECORDS};chain (chassis/core/record.py:94)", "encode"),
        (
            f"{RECORDS};Engine._evolve (chassis/core/engine.py:190);on_order_placed (trading/domain/listed.py:300)",
            "evolve",
        ),
        (f"{APPENDS};PostgresLog.append (chassis/log/postgres_log.py:250)", "append"),
        (f"{LOOP};Publisher.run (chassis/followers/publisher.py:50);headers_of (chassis/edges/broker.py:9)", "publish"),
        (f"{LOOP};Hearing.run (chassis/followers/hearing.py:90);react (clearing/reactions.py:20)", "hear"),
        (f"{LOOP};Fetcher._proc_fetch_request (aiokafka/consumer/fetcher.py:500)", "hear"),
        (f"{LOOP};Projector.run (chassis/followers/projections.py:90);of (chassis/followers/rows.py:20)", "project"),
        (f"{LOOP};Server.unary (chassis/serving/server.py:200);PlaceOrder (trading/api.py:40)", "parse"),
    ],
)
def test_the_innermost_call_with_a_stage_decides(stack: str, stage: str) -> None:
    assert stage_of(stack) == stage


def test_samples_add_up_and_those_of_a_loop_that_waits_do_not_count() -> None:
    waits = f"{LOOP};EpollSelector.select (selectors.py:468)"
    lines = [f"{DECIDES} 3", f"{DECIDES};place_order (trading/domain/listed.py:120) 2", f"{waits} 90", f"{LOOP} 1"]
    assert samples_by_stage(lines) == {"decide": 5, "loop": 1}
