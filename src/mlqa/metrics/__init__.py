"""Scores: the official ones, those by the rules of a language, their intervals, and the best that tokens permit."""
