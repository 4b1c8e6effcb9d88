"""The data parallel library's name; see torch/torch_smddp.py."""
