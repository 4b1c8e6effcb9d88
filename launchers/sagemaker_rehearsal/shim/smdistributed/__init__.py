"""A stand-in for AWS's smdistributed, which exists only in its images, to rehearse the launch of a job."""
