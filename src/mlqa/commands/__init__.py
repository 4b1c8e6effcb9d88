"""The subcommands of `mlqa`, one module each."""
