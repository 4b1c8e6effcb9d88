"""The report of a sweep: which treatment to choose, how sure that is, what it costs, and what would settle the rest.

The report takes directories and does not know how their runs were trained or tracked. Data flows one way:
members (files -> plain rows) -> treatments and configurations -> questions (per-question scores) -> statistics (the
verdict, or the decisions of a race) -> answer and settling (sentences) -> page, tables, latex, closing (forms).
"""
