"""A book that is watched by something else than a terminal."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

from support.client import answers as answers
from support.client.fake_services import FakeMarket


def test_a_book_that_is_watched_into_a_pipe_is_written_at_each_change(fake_market: FakeMarket) -> None:
    seen, ended = threading.Event(), threading.Event()

    def pictures(_request: object) -> Iterator[object]:
        yield answers.PICTURE
        seen.wait(60)
        ended.set()

    fake_market.trading.will("StreamMarketData", pictures)
    command = [sys.executable, "-m", "carbonmarket_client", *fake_market.arguments("book", "CEA", "--watch")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        for line in watching.stdout:
            if "SELL at CNY" in line:
                break
        assert not ended.is_set(), "it was shown while the stream went on"
        watching.send_signal(signal.SIGINT)
        rest = watching.stdout.read()
        seen.set()
        assert watching.wait(timeout=60) == 0
        assert watching.stderr is not None
        assert watching.stderr.read() == ""
    assert rest.endswith("\n")
