"""Compose, check and type the configuration of a run."""
