"""The config group `model`: a pre-trained model, one from scratch, or one behind an endpoint."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Optional

from omegaconf import MISSING


class TokenizerAlgorithm(enum.Enum):
    """How a tokenizer trained on the data set splits words."""

    wordpiece = "wordpiece"
    unigram = "unigram"
    char = "char"


class Attention(enum.Enum):
    """The implementation of attention, by transformers' names."""

    eager = "eager"
    sdpa = "sdpa"
    flash_attention_2 = "flash_attention_2"


class EndpointApi(enum.Enum):
    """The route of an endpoint that is asked: chat/completions, or completions for a model without a chat template."""

    chat = "chat"
    completions = "completions"


@dataclass
class ScratchConfig:
    """A small ConvBERT with random weights, and a tokenizer trained on the train split of the data set."""

    tokenizer: TokenizerAlgorithm = MISSING
    vocab_size: int = MISSING
    hidden_size: int = 128
    num_hidden_layers: int = 3
    num_attention_heads: int = 4
    intermediate_size: int = 256
    max_position_embeddings: int = 512
    dropout: float = 0.0


@dataclass
class EndpointConfig:
    """A language model behind an OpenAI-compatible address. It is asked and not trained. Its key is never a setting."""

    base_url: str = MISSING  # e.g. http://127.0.0.1:8000/v1
    name: str = MISSING  # what the endpoint calls the model
    api: EndpointApi = EndpointApi.chat
    key_variable: Optional[str] = None  # null: MLQA_LLM_API_KEY, or OPENAI_API_KEY, which only api.openai.com gets
    examples: int = 3  # questions of train that are shown with their answers. The seed draws them
    prompt_language: Optional[str] = None  # null: the language of the data set, or English if it has no prompt
    without_context: bool = False  # also ask without the context: what the model remembers or guesses
    temperature: Optional[float] = 0.0  # above 0, each seed is another draw. null: the endpoint decides
    max_tokens: Optional[int] = 64  # of an answer. null: the endpoint decides
    send_seed: bool = True  # false: for endpoints that refuse the field
    parameters: Any = (
        None  # {field: value} to add to each request, e.g. {top_p: 0.9}. Any, so that a dict may replace null
    )
    concurrency: int = 4  # requests at a time
    timeout_seconds: float = 60.0  # per request
    max_retries: int = 6  # per question, after a busy endpoint, an outage or a reply that cannot be read
    usd_per_million_input: Optional[float] = None  # price of a million tokens. null: unknown
    usd_per_million_output: Optional[float] = None
    budget_usd: Optional[float] = None  # ask no more if the answers of this run cost so much. null: no limit


@dataclass
class ModelConfig:
    """A pre-trained model, a model from scratch, or one behind an endpoint."""

    pretrained: Optional[str] = None  # hub name or local folder. null: `scratch` describes the model
    revision: Optional[str] = None  # branch, tag or commit of a hub model
    attn_implementation: Optional[Attention] = None  # null: torch's sdpa if the model has it
    num_hidden_layers: Optional[int] = None  # keep only the first layers of a pre-trained model
    trim_vocabulary: bool = False  # keep only the pieces of the vocabulary that the words of the train split need
    scratch: Optional[ScratchConfig] = None
    endpoint: Optional[EndpointConfig] = None
