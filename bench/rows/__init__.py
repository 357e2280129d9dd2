"""The rows of the bench, one module each. ROWS is their order: those that take least come first."""

from bench.harness.row import Row
from bench.rows import book, bulk, growth, open_loop, processor, startup, unary, year

ROWS: tuple[Row, ...] = (
    book.ROW,
    unary.ROW,
    bulk.ROW,
    open_loop.ROW,
    processor.ROW,
    startup.ROW,
    growth.ROW,
    year.ROW,
    growth.LONGEST_ROW,
)
