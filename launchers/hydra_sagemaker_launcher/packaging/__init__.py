"""What travels into the container: the program and the project's files."""
