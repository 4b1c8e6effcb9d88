"""The launcher's plugin. Its code is in the package hydra_sagemaker_launcher."""
