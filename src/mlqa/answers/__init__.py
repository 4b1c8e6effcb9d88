"""Answer questions: from windows to logits, spans and texts, and to and from files."""
