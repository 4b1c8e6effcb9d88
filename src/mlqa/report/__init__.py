"""The report of a sweep: an HTML page, a CSV and a Markdown table, and advice that the data supports.

The report takes directories and does not know how their runs were trained or tracked. Data flows one way:
members (files -> plain rows) -> questions (per-question scores) -> configurations (runs that differ only by seed) ->
comparison (differences, Pareto front) -> advice -> page, tables, closing.
"""
