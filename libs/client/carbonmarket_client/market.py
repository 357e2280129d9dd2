"""The whole market behind one object."""

from dataclasses import replace
from functools import cached_property
from types import TracebackType

from carbonmarket_client.clearing import ClearingClient
from carbonmarket_client.contracts import METHODS
from carbonmarket_client.link import DEADLINE_S, Link, SharedChannel
from carbonmarket_client.registry import RegistryClient
from carbonmarket_client.service import ServiceClient
from carbonmarket_client.settings import Settings
from carbonmarket_client.trading import TradingClient


class CarbonMarket:
    """Registry, trading and clearing, as one actor sees them.

        async with CarbonMarket.connect(actor="participant:power-0007") as market:
            placed = await market.trading.place_order(
                "power-0007", "CEA", "sell", price_fen=5123, quantity_tonnes=1_000
            )

    A service is connected to on its first call; one that is never called needs no address.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        deadline_s: float = DEADLINE_S,
        begin_traces: bool = False,
        given_again: bool = False,
        channels: dict[str, SharedChannel] | None = None,
        link: type[Link] = Link,
    ) -> None:
        self.settings = settings
        self.deadline_s = deadline_s
        self.begin_traces = begin_traces
        self.given_again = given_again
        self._link_type = link
        self._channels: dict[str, SharedChannel] = {} if channels is None else channels

    @classmethod
    def connect(
        cls,
        registry: str | None = None,
        trading: str | None = None,
        clearing: str | None = None,
        actor: str | None = None,
        *,
        deadline_s: float = DEADLINE_S,
        begin_traces: bool = False,
        given_again: bool = False,
    ) -> "CarbonMarket":
        """Say where the services are (host:port) and who is calling (`role:name`).

        What is left out comes from CARBONMARKET_REGISTRY_ADDRESS, CARBONMARKET_TRADING_ADDRESS,
        CARBONMARKET_CLEARING_ADDRESS and CARBONMARKET_ACTOR. deadline_s bounds every call over all its tries. With
        begin_traces every command made outside a trace begins one. given_again says that a service that was restored
        older had recorded what is sent, and lost it: while such a service keeps people away, only that is let in.
        """
        settings = Settings.gathered(registry, trading, clearing, actor)
        return cls(settings, deadline_s=deadline_s, begin_traces=begin_traces, given_again=given_again)

    def acting_as(self, actor: str) -> "CarbonMarket":
        """The same market for another actor, over the same channels: closing either closes both."""
        return CarbonMarket(
            replace(self.settings, actor=actor),
            deadline_s=self.deadline_s,
            begin_traces=self.begin_traces,
            given_again=self.given_again,
            channels=self._channels,
            link=self._link_type,
        )

    @cached_property
    def registry(self) -> RegistryClient:
        """The registry. Raises NotConfigured when its address or the actor is not known."""
        return RegistryClient(self._link("registry"))

    @cached_property
    def trading(self) -> TradingClient:
        """Trading. Raises NotConfigured when its address or the actor is not known."""
        return TradingClient(self._link("trading"))

    @cached_property
    def clearing(self) -> ClearingClient:
        """Clearing. Raises NotConfigured when its address or the actor is not known."""
        return ClearingClient(self._link("clearing"))

    def service(self, name: str) -> ServiceClient:
        """The client of a service by name, for what all three offer: status, log, feeds, clock."""
        if name == "registry":
            return self.registry
        if name == "trading":
            return self.trading
        assert name == "clearing", name
        return self.clearing

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()

    async def __aenter__(self) -> "CarbonMarket":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _link(self, service: str) -> Link:
        address = self.settings.address(service)
        if service not in self._channels:
            self._channels[service] = SharedChannel(address)
        return self._link_type(
            service,
            self._channels[service],
            self.settings.caller(),
            METHODS[service],
            deadline_s=self.deadline_s,
            begin_traces=self.begin_traces,
            given_again=self.given_again,
        )
