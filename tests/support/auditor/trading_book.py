"""Trading's books from its events: positions, orders, trades and days.

Invariants recomputed: every lock and every fill to the fen and the tonne; trades within limits, sizes and sessions;
bought units are sold only after their release on a later day (T+1); prices and volumes of each day are its trades'.
"""

from google.protobuf.message import Message

from carbonmarket.log.v1.log_service_pb2 import Record
from carbonmarket.trading.v1 import trading_events_pb2 as pb
from carbonmarket.trading.v1 import trading_types_pb2 as types
from support.auditor.book import Book, Handler
from support.auditor.chain import actor_of, acts_for
from support.auditor.commitments import Commitments
from support.auditor.custody import Custody, CustodyAccount, Trade
from support.auditor.days import Days, Instrument
from support.auditor.expected import Expected
from support.auditor.fees import Fees
from support.auditor.findings import Findings
from support.auditor.orders import Blocks, Orders
from support.auditor.pairs import Pairs
from support.auditor.rules import china_day, in_session


class TradingBook(Book):
    """All of trading, as of the last record taken."""

    def __init__(self, findings: Findings, pairs: Pairs, commitments: Commitments | None = None) -> None:
        super().__init__("trading", findings, pairs, commitments)
        self.custody = Custody(findings)
        self.expected = Expected(self.commitments.expected)
        self.fees = Fees()
        self.orders = Orders(findings, self.custody, self.fees)
        self.blocks = Blocks(findings, self.custody, self.fees)
        self.days = Days(findings)
        self.trades: dict[int, Trade] = {}
        self.blocked_trades: set[int] = set()
        self.last_ids = {"trade": 0, "return": 0, "release": 0}
        self.figures = {"trades": 0, "listed_tonnes": 0, "block_tonnes": 0, "value_fen": 0, "days": 0}
        self.next_must_be = ""

    def table(self) -> dict[type[Message], Handler]:
        return {
            pb.TradingDaysAnnounced: lambda event, record: self.days.announced.update(event.days),
            pb.TradingRulesSet: lambda event, record: self.days.rules.put(event.rules.valid_from_day, event.rules),
            pb.FeesSet: lambda event, record: self.days.fees.put(event.valid_from_day, event),
            pb.CompositeWeightsSet: lambda event, record: self.days.weights.put(event.valid_from_day, event),
            pb.VintageNoted: self.on_vintage_noted,
            pb.InstrumentAdmitted: self.on_instrument_admitted,
            pb.TradingAccountOpened: self.on_trading_account_opened,
            pb.TradingAccountStopped: self.on_trading_account_stopped,
            pb.TradingAccountWoundUp: self.on_trading_account_wound_up,
            pb.TradingAccountResumed: self.on_trading_account_resumed,
            pb.TradingAccountClosed: self.on_trading_account_closed,
            pb.AllowancesCredited: self.on_allowances_credited,
            pb.FundsCredited: self.on_funds_credited,
            pb.AllowancesReturned: self.on_allowances_returned,
            pb.ReturnAcknowledged: self.on_return_acknowledged,
            pb.FundsReleased: self.on_funds_released,
            pb.ReleaseAcknowledged: self.on_release_acknowledged,
            pb.OpeningOverridden: lambda event, record: self.days.override(event, self.reader.two_of(record)),
            pb.DayOpened: self.on_day_opened,
            pb.TradingSuspended: lambda event, record: self.days.suspended.add(event.instrument),
            pb.TradingResumed: lambda event, record: self.days.suspended.discard(event.instrument),
            pb.InstrumentDayClosed: lambda event, record: self.days.close_instrument(event),
            pb.CompositePriced: lambda event, record: self.days.price_composite(event),
            pb.TradingDayClosed: self.on_trading_day_closed,
            pb.OrderPlaced: self.on_order_placed,
            pb.OrderFilled: self.on_order_filled,
            pb.OrderCancelled: self.on_order_ended,
            pb.OrderExpired: self.on_order_ended,
            pb.TradeExecuted: self.on_trade_executed,
            pb.BlockOffered: self.on_block_offered,
            pb.BlockQuoted: self.on_block_quoted,
            pb.BlockConfirmed: lambda event, record: self.blocks.confirmed(event.block_id),
            pb.BlockDeclined: self.on_block_ended,
            pb.BlockWithdrawn: self.on_block_ended,
            pb.BlockExpired: self.on_block_ended,
            pb.ClearingRunConfirmed: self.on_clearing_run_confirmed,
            pb.ClearingRunDisputed: self.on_clearing_run_disputed,
            pb.TradeMarkedSettled: self.on_trade_marked_settled,
            pb.TradeBlocked: self.on_trade_blocked,
            pb.SettlementDayNoted: self.on_settlement_day_noted,
            pb.BooksAgreementNoted: self.on_books_agreement_noted,
            pb.AllowancesReleased: self.on_allowances_released,
        }

    def take(self, record: Record) -> None:
        kind = record.type.rpartition(".")[2]
        expected, self.next_must_be = self.next_must_be, ""
        super().take(record)
        if expected and kind != expected:
            self.say("a trade's consequence follows at once", f"{expected} was due")

    # Instruments, accounts, credits

    def on_vintage_noted(self, event: pb.VintageNoted, record: Record) -> None:
        self.days.instruments[event.instrument] = Instrument()
        self.pairs.say("trading knows every vintage", "trading", event.instrument)

    def on_instrument_admitted(self, event: pb.InstrumentAdmitted, record: Record) -> None:
        instrument = self.days.instruments[event.instrument]
        if instrument.first_day:
            self.say("an instrument is listed once", event.instrument)
        instrument.first_day, instrument.close_fen = event.day, event.reference_price_fen

    def on_trading_account_opened(self, event: pb.TradingAccountOpened, record: Record) -> None:
        self.custody.accounts[event.account] = CustodyAccount(event.eligible_to_trade)
        self.pairs.say(
            "trading knows every account", "trading", event.account, event.eligible_to_trade, record.source_position
        )
        self.pairs.say("clearing has a fund account for every account", "trading", event.account, record.position)

    def on_trading_account_stopped(self, event: pb.TradingAccountStopped, record: Record) -> None:
        self.custody.accounts[event.account].stopped = True
        if event.restriction_number:
            key = (event.account, event.restriction_number)
            self.pairs.say("trading hears every restriction", "trading", key, record.source_position)
            self.pairs.say("a restriction takes effect when trading stops the account", "trading", key, record.position)

    def on_trading_account_wound_up(self, event: pb.TradingAccountWoundUp, record: Record) -> None:
        waiting = self.custody.unsettled_tonnes(event.account)
        blocked = event.account in self.custody.in_blocked_trades
        if waiting or blocked or not self.custody.accounts[event.account].stopped:
            self.say("only a stopped account without unsettled trades is wound up", f"{event.account}: {waiting} t")
        key = (event.account, event.restriction_number)
        self.pairs.say("the registry hears that an account is wound up", "trading", key, record.position)

    def on_trading_account_resumed(self, event: pb.TradingAccountResumed, record: Record) -> None:
        self.custody.accounts[event.account].stopped = False

    def on_trading_account_closed(self, event: pb.TradingAccountClosed, record: Record) -> None:
        self.custody.accounts[event.account].closed = True

    def on_allowances_credited(self, event: pb.AllowancesCredited, record: Record) -> None:
        self.caused_by(record, "registry")
        self.custody.units_of(event.account, event.instrument).available += event.quantity_tonnes
        self.expected.units(self.reader.position, event.account, event.instrument, event.quantity_tonnes)
        what = (event.account, event.instrument, event.quantity_tonnes)
        self.pairs.say("every transfer is credited once", "trading", event.registry_position, *what)

    def on_funds_credited(self, event: pb.FundsCredited, record: Record) -> None:
        self.caused_by(record, "clearing")
        self.custody.funds_of(event.account).free += event.amount_fen
        self.expected.money(self.reader.position, event.account, event.amount_fen)
        what = (event.account, event.amount_fen, event.clearing_position)
        self.pairs.say("every fund entry is heard once", "trading", event.entry_number, *what)

    def on_allowances_returned(self, event: pb.AllowancesReturned, record: Record) -> None:
        self._number("return", event.return_id)
        if not self.custody.accounts[event.account].stopped:
            self._by_holder(event.account, record)
        self.custody.spend_units(event.account, event.instrument, event.quantity_tonnes, to_lock=False)
        self.custody.units_of(event.account, event.instrument).returning += event.quantity_tonnes
        what = (event.account, event.instrument, event.quantity_tonnes, record.position)
        self.pairs.say("every return is booked once", "trading", event.return_id, *what)

    def on_return_acknowledged(self, event: pb.ReturnAcknowledged, record: Record) -> None:
        self.custody.units_of(event.account, event.instrument).returning -= event.quantity_tonnes
        self.expected.units(self.reader.position, event.account, event.instrument, -event.quantity_tonnes)
        what = (event.account, event.instrument, event.quantity_tonnes, event.registry_position)
        self.pairs.say("trading hears every booked return", "trading", event.return_id, *what)

    def on_funds_released(self, event: pb.FundsReleased, record: Record) -> None:
        self._number("release", event.release_id)
        self._by_holder(event.account, record)
        self.custody.withdraw(event.account, event.amount_fen)
        self.pairs.say("every release is paid out once", "trading", event.release_id, event.account, event.amount_fen)

    def on_release_acknowledged(self, event: pb.ReleaseAcknowledged, record: Record) -> None:
        self.custody.funds_of(event.account).releasing -= event.amount_fen
        self.expected.money(self.reader.position, event.account, -event.amount_fen)
        what = (event.account, event.amount_fen, record.source_position)
        self.pairs.say("every fund entry is heard once", "trading", event.entry_number, *what)

    # Days

    def on_day_opened(self, event: pb.DayOpened, record: Record) -> None:
        self.days.open(event)
        fees = self.days.fees.on(event.day)
        self.fees.open(fees.buyer_fee_ppm if fees else 0, fees.seller_fee_ppm if fees else 0)
        for trade in self.trades.values():
            trade.due = trade.settled

    def on_trading_day_closed(self, event: pb.TradingDayClosed, record: Record) -> None:
        if self.orders.open or self.blocks.open:
            self.say(
                "what is open expires at the close", f"{len(self.orders.open)} orders, {len(self.blocks.open)} blocks"
            )
        late = [trade_id for trade_id, trade in self.trades.items() if trade.due]
        if late:
            self.say("settled purchases are released at the next opening (T+1)", f"{event.day}: trades {late[:10]}")
        rules = self._rules()
        closes = max((each.close_minute for each in (*rules.listed_sessions, *rules.block_sessions)), default=0)
        if in_session([types.Session(open_minute=0, close_minute=closes)], event.day, event.closed_ms):
            self.say("a day closes after its last session", f"{event.day} at {event.closed_ms}")
        self.days.close(event)
        self.figures["days"] += 1
        what = (event.trades, event.quantity_tonnes, event.value_fen, event.first_trade_id, event.last_trade_id)
        self.pairs.say("every closed day has its run", "trading", event.day, *what, record.position)

    def on_allowances_released(self, event: pb.AllowancesReleased, record: Record) -> None:
        trade = self.trades.pop(event.trade_id, None)
        if trade is None or not trade.settled:
            self.say("only settled purchases are released", f"trade {event.trade_id}: {trade}")
            return
        if china_day(record.recorded_ms) <= trade.day:
            self.say("units bought today are not sold today (T+1)", f"trade {event.trade_id} of {trade.day}")
        stated = (event.account, event.instrument, event.quantity_tonnes)
        bought = (trade.buyer, trade.instrument, trade.quantity_tonnes)
        self.same("what is released is what was bought", f"trade {event.trade_id}", stated, bought)
        units = self.custody.units_of(event.account, event.instrument)
        units.bought -= event.quantity_tonnes
        units.available += event.quantity_tonnes

    def on_settlement_day_noted(self, event: pb.SettlementDayNoted, record: Record) -> None:
        self.days.settle(event.day)
        self.pairs.say("trading hears every settled day", "trading", record.source_position, event.day)

    def on_books_agreement_noted(self, event: pb.BooksAgreementNoted, record: Record) -> None:
        self.days.compare(event)
        self.pairs.say("trading hears every reconciliation", "trading", record.source_position, event.day, event.agreed)

    # Orders and blocks

    def on_order_placed(self, event: pb.OrderPlaced, record: Record) -> None:
        limits, rules = self._limits(event.instrument), self._rules()
        self._in_market(event.account, event.instrument, event.day, event.placed_ms, record, block=False)
        if not limits.listed_low_fen <= event.price_fen <= limits.listed_high_fen:
            self.say("listed prices keep the day's limits", f"order {event.order_id} at {event.price_fen}: {limits}")
        if event.quantity_tonnes > rules.listed_tonnes_max or event.quantity_tonnes % rules.quantity_tick_tonnes:
            self.say("listed sizes keep the rules", f"order {event.order_id}: {event.quantity_tonnes} t")
        if event.price_fen % rules.price_tick_fen:
            self.say("prices keep the tick", f"order {event.order_id} at {event.price_fen}")
        self.orders.place(event)

    def on_order_filled(self, event: pb.OrderFilled, record: Record) -> None:
        self.orders.end("OrderFilled", event.order_id, event.account, 0, 0)

    def on_order_ended(self, event: pb.OrderCancelled | pb.OrderExpired, record: Record) -> None:
        how = event.DESCRIPTOR.name
        self.orders.end(how, event.order_id, event.account, event.quantity_tonnes, event.unlocked_fen)

    def on_block_offered(self, event: pb.BlockOffered, record: Record) -> None:
        self._in_market(event.account, event.instrument, event.day, event.offered_ms, record, block=True)
        self._block_terms(event.instrument, event.price_fen, event.quantity_tonnes)
        self.blocks.offer(event)

    def on_block_quoted(self, event: pb.BlockQuoted, record: Record) -> None:
        instrument = self.blocks.open[event.block_id].instrument
        self._in_market(event.account, instrument, self.days.open_day, event.quoted_ms, record, block=True)
        self._block_terms(instrument, event.price_fen, event.quantity_tonnes)
        self.blocks.quote(event, self.days.open_day)

    def on_block_ended(self, event: pb.BlockDeclined | pb.BlockWithdrawn | pb.BlockExpired, record: Record) -> None:
        self.blocks.end(event.block_id, event.unlocked_fen, event.unlocked_tonnes)

    # Trades

    def on_trade_executed(self, event: pb.TradeExecuted, record: Record) -> None:
        self._number("trade", event.trade_id)
        block = event.method == types.TRADE_METHOD_BLOCK
        self._in_market(event.taker_account, event.instrument, event.day, event.executed_ms, record, block)
        if event.buyer == event.seller:
            self.say("nobody trades with themselves", f"trade {event.trade_id}: {event.buyer}")
        value = event.price_fen * event.quantity_tonnes
        owed = self.fees.trade(event.buyer, event.seller, value, was_locked=event.maker_account == event.buyer)
        stated = (event.value_fen, event.buyer_fee_fen, event.seller_fee_fen, event.lock_change_fen)
        self.same("a trade's value and fees", f"trade {event.trade_id}", stated, (value, *owed))
        trade = Trade(
            event.day,
            event.instrument,
            event.quantity_tonnes,
            event.buyer,
            event.seller,
            event.value_fen + event.buyer_fee_fen,
            event.value_fen - event.seller_fee_fen,
        )
        if block:
            self._block_terms(event.instrument, event.price_fen, event.quantity_tonnes)
            self.blocks.confirm(event, trade.buyer_pays_fen)
            self.next_must_be = "BlockConfirmed"
        else:
            self.orders.take(event, self._rules().book_levels, trade.buyer_pays_fen)
            order = self.orders.open.get(event.maker_order_id)
            self.next_must_be = "OrderFilled" if order is not None and order.remaining_tonnes == 0 else ""
        self.custody.change_lock(event.buyer, event.lock_change_fen)
        self.trades[event.trade_id] = trade
        self.custody.give(trade)
        self.expected.due(self.reader.position, trade, 1)
        self.days.trade(event)
        self.figures["trades"] += 1
        self.figures["block_tonnes" if block else "listed_tonnes"] += event.quantity_tonnes
        self.figures["value_fen"] += event.value_fen
        self.pairs.say(
            "every trade becomes one obligation",
            "trading",
            event.trade_id,
            event.day,
            event.instrument,
            event.method,
            event.price_fen,
            event.quantity_tonnes,
            event.value_fen,
            event.buyer,
            event.seller,
            event.buyer_fee_fen,
            event.seller_fee_fen,
            record.position,
        )

    # Settlement

    def on_clearing_run_confirmed(self, event: pb.ClearingRunConfirmed, record: Record) -> None:
        self.pairs.say("both sides confirm a run", "trading", (event.run_id, event.attempt), "")

    def on_clearing_run_disputed(self, event: pb.ClearingRunDisputed, record: Record) -> None:
        self.pairs.say("both sides confirm a run", "trading", (event.run_id, event.attempt), event.reason)

    def on_trade_marked_settled(self, event: pb.TradeMarkedSettled, record: Record) -> None:
        self.caused_by(record, "clearing")
        self.pairs.say("trading hears every settled trade", "trading", event.trade_id, record.source_position)
        trade = self._unsettled(event.trade_id)
        if trade is not None:
            trade.settled = True
            self.custody.settle(trade)
            self.expected.settle(self.reader.position, trade)

    def on_trade_blocked(self, event: pb.TradeBlocked, record: Record) -> None:
        self.caused_by(record, "clearing")
        self.pairs.say(
            "trading hears every excluded trade", "trading", event.trade_id, record.source_position, event.blocked_fen
        )
        trade = self._unsettled(event.trade_id)
        if trade is None:
            return
        self.custody.settle(trade)
        self.expected.block(self.reader.position, trade, event.blocked_fen)
        del self.trades[event.trade_id]
        self.blocked_trades.add(event.trade_id)
        self.custody.units_of(trade.buyer, trade.instrument).bought -= trade.quantity_tonnes
        self.custody.units_of(trade.seller, trade.instrument).blocked += trade.quantity_tonnes
        buyer = self.custody.funds_of(trade.buyer)
        buyer.blocked += event.blocked_fen
        buyer.free += trade.buyer_pays_fen - event.blocked_fen
        self.custody.funds_of(trade.seller).free -= trade.seller_receives_fen
        self.custody.in_blocked_trades.update((trade.buyer, trade.seller))

    def _unsettled(self, trade_id: int) -> Trade | None:
        trade = self.trades.get(trade_id)
        if trade is None or trade.settled:
            self.say("a trade is settled once", f"trade {trade_id}: {trade}")
            return None
        return trade

    # What the methods above are made of

    def _number(self, what: str, number: int) -> None:
        self.same(f"{what}s are numbered without gaps", what, number, self.last_ids[what] + 1)
        self.last_ids[what] = number

    def _by_holder(self, account: str, record: Record) -> None:
        if acts_for(record) != f"participant:{account}":
            self.say("only its holder uses an account", f"{actor_of(record)} uses {account}")

    def _rules(self) -> types.TradingRules:
        return self.days.rules.on(self.days.last_opened) or types.TradingRules(quantity_tick_tonnes=1, price_tick_fen=1)

    def _limits(self, instrument: str) -> types.InstrumentLimits:
        return self.days.limits.get(instrument, types.InstrumentLimits())

    def _block_terms(self, instrument: str, price_fen: int, tonnes: int) -> None:
        limits, rules = self._limits(instrument), self._rules()
        if not limits.block_low_fen <= price_fen <= limits.block_high_fen:
            self.say("block prices keep the day's limits", f"{price_fen}: {limits}")
        if tonnes < rules.block_tonnes_min or tonnes % rules.quantity_tick_tonnes or price_fen % rules.price_tick_fen:
            self.say("block sizes keep the rules", f"{tonnes} t at {price_fen}")

    def _in_market(self, account: str, instrument: str, day: str, moment_ms: int, record: Record, block: bool) -> None:
        """An account acts, on the open day, in a session of the method, at the time recorded."""
        self.custody.may_trade(account, acts_for(record))
        rules = self._rules()
        sessions = list(rules.block_sessions if block else rules.listed_sessions)
        if day != self.days.open_day or moment_ms != record.recorded_ms or not in_session(sessions, day, moment_ms):
            self.say("trading keeps its sessions", f"{day} at {moment_ms}, open {self.days.open_day!r}")
        if self.days.suspended & {"", instrument}:
            self.say("nothing is traded while suspended", instrument)

    def conclude(self) -> None:
        self.findings.at = "trading, at the end"
        self.custody.conclude()
        if self.next_must_be:
            self.say("a trade's consequence follows at once", f"{self.next_must_be} was due")
