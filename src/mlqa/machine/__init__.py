"""How a process computes on its machine: its cores and threads, and the memory that it keeps. Imports nothing heavy."""
