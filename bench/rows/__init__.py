"""The rows of the bench, one module each. ROWS is their order: those that take least come first."""

from bench.harness.row import Row
from bench.rows import book, bulk, open_loop, processor, unary

ROWS: tuple[Row, ...] = (book.ROW, unary.ROW, bulk.ROW, open_loop.ROW, processor.ROW)
