"""Why answers are wrong: groups of errors, and the file in which annotators look at them."""
