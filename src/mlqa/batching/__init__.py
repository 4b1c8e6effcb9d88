"""Turn windows into the batches of optimizer steps and of scoring."""
