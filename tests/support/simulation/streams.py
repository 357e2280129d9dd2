"""Calls with a stream of answers, and of requests where they have one: what callers use of grpc.aio's calls.

A connection breaks as a whole: whoever reads or writes next finds the call ended, and the other side's handler is
cancelled. Messages of one direction keep their order and none is lost before the break, as in HTTP/2. Flow control is
not simulated: a handler never waits for a reader.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

Send = Callable[[bytes], None]
Serve = Callable[[AsyncIterator[bytes], Send], Awaitable[None]]
"""Has the called host serve a stream of requests, with what its answers are sent by."""


class StreamCall:
    """Requests are those that are given, or else what `write` sends."""

    def __init__(
        self,
        serve: Serve,
        cross: Callable[[], Awaitable[None]],
        encode: Callable[[Any], bytes],
        decode: Callable[[bytes], Any],
        requests: AsyncIterator[bytes] | None,
    ) -> None:
        self._cross = cross
        self._encode, self._decode = encode, decode
        self._requests: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._answers: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._error: grpc.aio.AioRpcError | None = None
        self._serving = asyncio.get_running_loop().create_task(self._run(serve, requests or self._written()))

    async def _run(self, serve: Serve, requests: AsyncIterator[bytes]) -> None:
        try:
            await serve(requests, self._answers.put_nowait)
        except grpc.aio.AioRpcError as error:
            self._error = self._error or error
        finally:
            self._answers.put_nowait(None)

    async def _written(self) -> AsyncIterator[bytes]:
        while (data := await self._requests.get()) is not None:
            yield data

    async def write(self, request: Any) -> None:
        await self._line()
        if self._serving.done():
            raise asyncio.InvalidStateError("the call has ended")
        self._requests.put_nowait(self._encode(request))

    async def done_writing(self) -> None:
        self._requests.put_nowait(None)

    async def read(self) -> Any:
        """The call ends when a read is cancelled."""
        try:
            data = await self._answers.get()
            if data is not None:
                await self._line()
                return self._decode(data)
        except asyncio.CancelledError:
            self.cancel()
            raise
        self._answers.put_nowait(None)
        if self._error is not None:
            raise self._error
        return grpc.aio.EOF

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            while (answer := await self.read()) is not grpc.aio.EOF:
                yield answer
        finally:
            self.cancel()

    async def _line(self) -> None:
        """Breaks where the network says so."""
        try:
            await self._cross()
        except grpc.aio.AioRpcError as broken:
            self._error = broken
            self.cancel()
            raise

    def cancel(self) -> None:
        self._serving.cancel()

    async def _end(self) -> grpc.aio.AioRpcError | None:
        await asyncio.wait({self._serving})
        return self._error

    async def code(self) -> grpc.StatusCode:
        error = await self._end()
        return error.code() if error else grpc.StatusCode.OK

    async def details(self) -> str:
        error = await self._end()
        return error.details() or "" if error else ""

    async def initial_metadata(self) -> grpc.aio.Metadata:
        return grpc.aio.Metadata()

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        error = await self._end()
        return error.trailing_metadata() if error else grpc.aio.Metadata()
