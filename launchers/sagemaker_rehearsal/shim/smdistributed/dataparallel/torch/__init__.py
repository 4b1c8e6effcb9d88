"""The package of the data parallel library. See torch/torch_smddp.py."""
