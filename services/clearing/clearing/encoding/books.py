"""Reconciliations and their stored form, field by field."""

from carbonmarket.clearing.v1 import clearing_events_pb2 as pb
from carbonmarket.clearing.v1 import clearing_types_pb2 as types
from clearing.domain import books, reconciliation


def reconciliation_ordered(event: reconciliation.ReconciliationOrdered) -> pb.ReconciliationOrdered:
    return pb.ReconciliationOrdered(
        day=event.day,
    )


def to_reconciliation_ordered(message: pb.ReconciliationOrdered) -> reconciliation.ReconciliationOrdered:
    return reconciliation.ReconciliationOrdered(
        day=message.day,
    )


def difference(row: books.Difference) -> types.BookDifference:
    return types.BookDifference(
        book=types.Book.ValueType(row.book),
        account=row.account,
        instrument=row.instrument,
        held=row.held,
        expected=row.expected,
    )


def to_difference(message: types.BookDifference) -> books.Difference:
    return books.Difference(
        book=books.Book(message.book),
        account=message.account,
        instrument=message.instrument,
        held=message.held,
        expected=message.expected,
    )


def in_flight(row: books.InFlight) -> types.InFlight:
    return types.InFlight(
        kind=types.InFlightKind.ValueType(row.kind),
        account=row.account,
        instrument=row.instrument,
        amount=row.amount,
    )


def to_in_flight(message: types.InFlight) -> books.InFlight:
    return books.InFlight(
        kind=books.InFlightKind(message.kind),
        account=message.account,
        instrument=message.instrument,
        amount=message.amount,
    )


def books_reconciled(event: reconciliation.BooksReconciled) -> pb.BooksReconciled:
    return pb.BooksReconciled(
        day=event.day,
        agreed=event.agreed,
        registry_position=event.registry_position,
        trading_position=event.trading_position,
        clearing_position=event.clearing_position,
        clearing_entry=event.clearing_entry,
        rows_compared=event.rows_compared,
        differences=[difference(row) for row in event.differences],
        difference_count=event.difference_count,
        in_flight=[in_flight(row) for row in event.in_flight],
        in_flight_count=event.in_flight_count,
    )


def to_books_reconciled(message: pb.BooksReconciled) -> reconciliation.BooksReconciled:
    return reconciliation.BooksReconciled(
        day=message.day,
        agreed=message.agreed,
        registry_position=message.registry_position,
        trading_position=message.trading_position,
        clearing_position=message.clearing_position,
        clearing_entry=message.clearing_entry,
        rows_compared=message.rows_compared,
        differences=tuple(to_difference(row) for row in message.differences),
        difference_count=message.difference_count,
        in_flight=tuple(to_in_flight(row) for row in message.in_flight),
        in_flight_count=message.in_flight_count,
    )
