"""Stands in for AWS's smdistributed, which exists in its images alone: the launch path of a job can be rehearsed."""
