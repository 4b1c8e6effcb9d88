"""Yield the rows of a file of questions, one module per family of formats."""
