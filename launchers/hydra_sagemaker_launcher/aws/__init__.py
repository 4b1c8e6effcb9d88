"""Where the launcher talks to AWS, and what it knows of AWS without asking."""
