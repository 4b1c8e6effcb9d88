"""The sweeper's plugin. Its code is in the package hydra_racing_sweeper."""
