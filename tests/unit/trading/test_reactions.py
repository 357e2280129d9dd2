"""What trading does on hearing the other services: each event heard becomes one command."""

import pytest
from google.protobuf.message import Message

from carbonmarket.clearing.v1 import clearing_events_pb2 as clearing
from carbonmarket.registry.v1 import registry_events_pb2 as registry
from chassis.core.reaction import Heard
from trading.domain.accounts import OpenTradingAccount
from trading.domain.custody import AcknowledgeRelease, AcknowledgeReturn, CreditAllowances, CreditFunds
from trading.domain.decider import DECIDER
from trading.domain.instruments import NoteVintage
from trading.domain.restriction import CloseTradingAccount, ResumeTradingAccount, StopTradingAccount
from trading.domain.settlement import BlockTrade, MarkTradeSettled, NoteBooksAgreement, NoteSettlementDay
from trading.reactions import REACTIONS

DAY = "2021-07-16"

# fmt: off
HEARD: list[tuple[Message, object]] = [
    (registry.AccountOpened(account="p-1", eligible_to_trade=True),  OpenTradingAccount("p-1", True)),
    (registry.AccountRestricted(account="p-1", restriction_number=2, ground="x"), StopTradingAccount("p-1", "x", 2)),
    (registry.AccountRestrictionLifted(account="p-1", restriction_number=2), ResumeTradingAccount("p-1")),
    (registry.AccountClosed(account="p-1", ground="merged"),         CloseTradingAccount("p-1")),
    (registry.VintageCreated(vintage="CEA", compliance_year=2020),   NoteVintage("CEA")),
    (registry.TransferredToTrading(account="p-1", vintage="CEA", quantity_tonnes=5),
        CreditAllowances("p-1", "CEA", 5, 31)),
    (registry.ReturnedFromTrading(account="p-1", vintage="CEA", quantity_tonnes=5, trading_position=9, return_id=3),
        AcknowledgeReturn(3, "p-1", "CEA", 5, 31)),
    (clearing.FundsDeposited(account="p-1", amount_fen=700, bank="b", bank_reference="r", entry_number=4),
        CreditFunds("p-1", 700, 4, 31)),
    (clearing.FundsRestored(account="p-1", amount_fen=700, payout_id=1, entry_number=5),
        CreditFunds("p-1", 700, 5, 31)),
    (clearing.PayoutRequested(payout_id=1, account="p-1", amount_fen=700, release_id=2, entry_number=6),
        AcknowledgeRelease(2, "p-1", 700, 6)),
    (clearing.TradeSettled(trade_id=8, run_id=1, day=DAY, buyer="b", seller="s", instrument="CEA", quantity_tonnes=5,
                           value_fen=24_000, buyer_fee_fen=1, seller_fee_fen=2),
        MarkTradeSettled(8, "b", "s", "CEA", 5, 24_000)),
    (clearing.TradeExcluded(trade_id=8, run_id=1, day=DAY, blocked_fen=9), BlockTrade(8, 9)),
    (clearing.SettlementDayCompleted(day=DAY, run_id=1),             NoteSettlementDay(DAY)),
    (clearing.BooksReconciled(day=DAY, agreed=True),                 NoteBooksAgreement(DAY, True)),
]
# fmt: on


@pytest.mark.parametrize(("event", "command"), HEARD, ids=lambda value: type(value).__name__)
def test_an_event_heard_becomes_its_command(event: Message, command: object) -> None:
    heard = Heard(position=31)
    (react,) = [of_source[type(event)] for of_source in REACTIONS.values() if type(event) in of_source]
    assert react(event, heard) == command
    assert type(command) in DECIDER.decide


def test_the_table_here_is_all_that_trading_listens_to() -> None:
    assert {type(event) for event, _ in HEARD} == {kind for of_source in REACTIONS.values() for kind in of_source}
