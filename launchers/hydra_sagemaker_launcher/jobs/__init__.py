"""The training jobs of a sweep: submitted, watched, fetched, recorded."""
