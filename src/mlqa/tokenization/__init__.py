"""Tokenizers: loading, training and trimming them, and measuring what they do to words."""
