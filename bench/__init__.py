"""Benchmarks: each prints a table of ratios against a floor and a peer taken in the same run. They assert nothing."""
