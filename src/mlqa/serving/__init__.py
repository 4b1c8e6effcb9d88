"""Take the model of a run to production: an ONNX graph, its check, its speed and price, an archive for SageMaker."""
