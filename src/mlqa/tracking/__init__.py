"""Where the metrics of a run go: files, W&B, and a W&B workspace for a sweep."""
