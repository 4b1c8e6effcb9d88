"""Turn examples into tokens and windows, as flat integer arrays."""
