"""The subcommands of `hydra-sagemaker`, one module each."""
