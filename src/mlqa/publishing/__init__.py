"""Publish the model of a run: its card, the statement of its data, the upload to the Hugging Face hub."""
