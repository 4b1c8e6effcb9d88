"""Write a model as an ONNX graph, in float32 and with weights of 8 bits."""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlqa.errors import ConfigError, ModelError, RunError, explain_write_failure, summarize_error

OPSET = 17  # the newest that torch's exporter by tracing writes, and read by every onnxruntime since 1.12 (2022)
ORDER = ("input_ids", "attention_mask", "token_type_ids")
OUTPUTS = ["start_logits", "end_logits"]
# What becomes 8 bits: products with weights, and the rows of word embeddings, which are most of a small model. The
# integer convolution of onnxruntime is slower than its float one.
QUANTIZED = ["MatMul", "Gemm", "Gather"]


def require_export() -> None:
    """Check that the packages of the extra [export] are installed.

    Raises:
        ConfigError: One is missing.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ConfigError(f'export: needs the package {error.name}; run pip install "mlqa[export]"') from None


def list_graph_inputs(takes: Sequence[str], has_token_types: bool) -> list[str]:
    """Return the inputs of the graph, in the order of `ORDER`.

    Args:
        takes: The arguments that the model's forward takes.
        has_token_types: Whether windows have token types.
    """
    return [name for name in ORDER if name in takes and (has_token_types or name != "token_type_ids")]


def export_graph(model: Any, inputs: Sequence[str], path: Path) -> None:
    """Trace a model and write the graph, for any number of windows of any width.

    torch's other exporter (`dynamo=True`) needs one more package and fixes sizes that the code of some models compares.
    The check of the graph decides whether the trace is right (`mlqa.serving.check`).

    Args:
        model: A transformers model with start and end logits, in float32 on the CPU.
        inputs: The names of its inputs.
        path: The file to write.

    Raises:
        ModelError: The model cannot be traced.
        RunError: The file cannot be written.
    """
    import torch

    class Graph(torch.nn.Module):
        """The model with inputs by position and a pair of logits."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            output = self.model(**dict(zip(inputs, given, strict=True)))
            return output.start_logits, output.end_logits

    rows = torch.ones(2, 48, dtype=torch.long)
    rows[1, 40:] = 0  # as ids, mask and types. A mask without padding would be traced away by some models
    options: Any = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    try:
        with _use_eager_attention(model), _silence():
            torch.onnx.export(
                Graph().eval(),
                tuple(rows.clone() for _ in inputs),
                str(path),
                input_names=list(inputs),
                output_names=OUTPUTS,
                dynamic_axes={name: {0: "windows", 1: "width"} for name in (*inputs, *OUTPUTS)},
                opset_version=OPSET,
                **options,
            )
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {explain_write_failure(error, path.parent)}") from None
    except Exception as error:  # a model's own code may raise anything while it is traced
        raise ModelError(
            f"a {model.config.model_type} model cannot be exported to ONNX: {summarize_error(error)}; serve it with "
            "mlqa or by --sagemaker, which needs no ONNX"
        ) from error


def quantize_graph(path: Path, quantized: Path) -> None:
    """Write a graph with weights of 8 bits. Activations are quantized as they come (onnxruntime's dynamic way).

    Weights keep to 7 bits (`reduce_range`), because CPUs without VNNI overflow otherwise, and nobody knows here on
    which CPU the model will run (onnxruntime.ai/docs/performance/model-optimizations/quantization.html).

    Args:
        path: The graph in float32.
        quantized: The file to write.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _silence():
        quantize_dynamic(
            path,
            quantized,
            op_types_to_quantize=QUANTIZED,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )


@contextlib.contextmanager
def _use_eager_attention(model: Any) -> Iterator[None]:
    """Compute attention by plain products while a model is traced: the kernels decide by sizes that a trace fixes."""
    before = getattr(model.config, "_attn_implementation", None)
    if before not in (None, "eager"):
        _set_attention(model, "eager")
    try:
        yield
    finally:
        if before not in (None, "eager"):
            _set_attention(model, before)


def _set_attention(model: Any, implementation: str) -> None:
    if hasattr(model, "set_attn_implementation"):  # transformers 4.48 and newer
        model.set_attn_implementation(implementation)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Silence what exporter and quantizer say about their own future and about sizes in a trace."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "root", "")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
