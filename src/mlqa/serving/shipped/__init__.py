"""Files that travel with an exported model and run without mlqa."""
