"""Which class loads a model: the one of transformers with a head for questions, or its encoder under a new head."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from mlqa.errors import ModelError

SUFFIX = "WithSpanHead"  # in the name of each class that is defined here, and so in config.json of what it saves
TEXT_SIZES = ("hidden_size", "d_model", "n_embd", "dim")  # names of the width of the last hidden state


def find_model_class(config: Any) -> Any:
    """Find the class that gives start and end logits for a model.

    Args:
        config: The model's config, as transformers' AutoConfig loads it.

    Returns:
        transformers' class, or one of `define_span_head` if transformers has none or if such a class saved the model.

    Raises:
        ModelError: The model cannot answer questions, because it does not read text or has no usable encoder.
    """
    from transformers import MODEL_FOR_QUESTION_ANSWERING_MAPPING

    saved_as = (getattr(config, "architectures", None) or [""])[0]
    if type(config) in MODEL_FOR_QUESTION_ANSWERING_MAPPING and not saved_as.endswith(SUFFIX):
        return MODEL_FOR_QUESTION_ANSWERING_MAPPING[type(config)]
    if config.is_encoder_decoder:
        raise ModelError(
            f"a {config.model_type} model is an encoder-decoder for which transformers has no question-answering "
            "class; choose one that has it, such as t5, mt5, bart or mbart"
        )
    return define_span_head(config.__class__)


def find_encoder_class(config: Any) -> Any:
    """Return transformers' class of the model without a head.

    Raises:
        ModelError: transformers has none for this type of model.
    """
    from transformers import MODEL_MAPPING

    if type(config) not in MODEL_MAPPING:
        raise ModelError(f"transformers has no plain {config.model_type} model to put a question-answering head on")
    found = MODEL_MAPPING[type(config)]
    return found[0] if isinstance(found, tuple | list) else found


@functools.cache
def define_span_head(config_class: Any) -> Any:
    """Define a model of transformers: the plain model under a linear layer that gives start and end logits.

    The encoder keeps the name that it has in published weights, so they load as they are, and `AutoModel` reads it out
    of what the class saves. The layer is `qa_outputs`, as in BERT (docs/models.md shows how to use it without mlqa).

    Args:
        config_class: The class of the model's config.

    Raises:
        ModelError: The plain model does not read text alone.
    """
    import torch
    from transformers import PreTrainedModel
    from transformers.modeling_outputs import QuestionAnsweringModelOutput

    encoder_class = find_encoder_class(config_class())
    family = next(parent for parent in encoder_class.__mro__[1:] if issubclass(parent, PreTrainedModel))
    prefix = encoder_class.base_model_prefix
    if not prefix or encoder_class.main_input_name != "input_ids" or hasattr(config_class(), "vision_config"):
        raise ModelError(f"a {config_class.model_type} model does not read text alone, so it cannot answer questions")
    takes = inspect.signature(encoder_class.__init__).parameters
    options = {"add_pooling_layer": False} if "add_pooling_layer" in takes else {}
    takes = inspect.signature(encoder_class.forward).parameters
    no_cache = {"use_cache": False} if "use_cache" in takes else {}

    class SpanHead(family):  # type: ignore[misc, valid-type]
        base_model_prefix = prefix

        def __init__(self, config: Any) -> None:
            super().__init__(config)
            setattr(self, prefix, encoder_class(config, **options))
            width = next(getattr(config, name) for name in TEXT_SIZES if hasattr(config, name))
            self.qa_outputs = torch.nn.Linear(width, 2)
            self.post_init()

        def forward(self, input_ids: Any, attention_mask: Any = None, **inputs: Any) -> Any:
            output = getattr(self, prefix)(input_ids, attention_mask=attention_mask, **no_cache, **inputs)
            start_logits, end_logits = self.qa_outputs(output[0]).unbind(-1)
            return QuestionAnsweringModelOutput(start_logits=start_logits, end_logits=end_logits)

        def get_input_embeddings(self) -> Any:
            return getattr(self, prefix).get_input_embeddings()

        def set_input_embeddings(self, value: Any) -> None:
            getattr(self, prefix).set_input_embeddings(value)

    SpanHead.config_class = config_class
    SpanHead.__name__ = SpanHead.__qualname__ = encoder_class.__name__.removesuffix("Model") + SUFFIX
    return SpanHead


def list_forward_inputs(model: Any) -> set[str]:
    """Return the names of the inputs that a model's forward takes by name."""
    module = getattr(model, model.base_model_prefix) if type(model).__name__.endswith(SUFFIX) else model
    return set(inspect.signature(module.forward).parameters)
