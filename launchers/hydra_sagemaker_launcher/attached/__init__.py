"""Sweeps that a launcher has left behind: looked at, stopped and fetched without the app's code."""
