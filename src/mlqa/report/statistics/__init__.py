"""Which treatment is better on new questions of this kind, trained anew: closed formulas on plain arrays.

Nothing here knows of members, files or words. docs/methodology.md has the formulas, the literature and the study of
known truth (benchmarks/known_truth.py) that they were judged by.
"""
