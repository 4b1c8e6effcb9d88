"""Data sets: reading any source into examples with checked offsets, and auditing them."""
