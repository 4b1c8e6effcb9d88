"""Train a question-answering model on windows."""
