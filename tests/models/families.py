"""One tiny model of random weights per type, as its authors publish it, and what mlqa makes of it."""

from __future__ import annotations

import copy
import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
import yaml
from safetensors.torch import load_file
from tokenizers import processors
from transformers import CONFIG_MAPPING

from mlqa.answers.forward import predict_spans
from mlqa.batching.packing_support import probe_packing
from mlqa.batching.padded_rows import make_batch
from mlqa.config.compose import compose_config
from mlqa.config.model_facts import count_stated_positions
from mlqa.config.schema import ModelConfig
from mlqa.data.sample import generate
from mlqa.errors import ModelError
from mlqa.features.windows import Windows, make_windows
from mlqa.models.embeddings import keep_rows
from mlqa.models.loading import load_model, load_trained_model, save_model
from mlqa.models.reading import count_positions, probe_reading
from mlqa.tokenization.load import load_tokenizer
from mlqa.tokenization.scratch import train_tokenizer
from mlqa.training.arguments import build_training_arguments
from mlqa.training.checkpoints import Checkpoints
from mlqa.training.optimizer import build_layerwise_groups
from mlqa.training.trainer import QuestionAnsweringTrainer

LENGTH, STRIDE = 64, 16
SAMPLE = generate(10, seed=3)
CONFIGS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
ENCODERS, DECODERS = CONFIGS["encoders"], CONFIGS["decoders"]
FAMILIES = ENCODERS | DECODERS
PUBLISHED = (
    transformers.AutoModelForMaskedLM,
    transformers.AutoModelForSeq2SeqLM,
    transformers.AutoModelForCausalLM,
    transformers.AutoModelForPreTraining,
)


@cache
def get_tokenizer(model_type: str = "bert") -> Any:
    tokenizer = train_tokenizer(SAMPLE.contexts + SAMPLE.questions, "wordpiece", 320, 512)
    if model_type == "longformer":  # it demands three separators, as RoBERTa's pair has them
        tokenizer.backend_tokenizer.post_processor = processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def publish(model_type: str, folder: Path) -> Any:
    """Write a model of random weights as it is published: under its pre-training head, with a tokenizer."""
    shape = {name: value for name, value in {**CONFIGS["shape"], **FAMILIES[model_type]}.items() if value is not None}
    described = CONFIG_MAPPING[model_type](**shape)
    torch.manual_seed(0)
    published = next((auto for auto in PUBLISHED if type(described) in auto._model_mapping), transformers.AutoModel)
    model = published.from_config(described).eval()
    model.save_pretrained(folder)
    get_tokenizer(model_type).save_pretrained(folder)
    if model_type in DECODERS:  # decoders have no padding token as shipped
        path = folder / "tokenizer_config.json"
        settings = json.loads(path.read_text("utf-8"))
        settings.pop("pad_token", None)
        settings["model_input_names"] = ["input_ids", "attention_mask"]
        path.write_text(json.dumps(settings), "utf-8")
    return model


def list_encoder_weights(model: Any) -> dict[str, torch.Tensor]:
    """Return the weights of the plain model behind any head, by their names in it."""
    base = getattr(model, model.base_model_prefix, model)
    return dict(base.named_parameters())


def compute_plain_logits(model_type: str, folder: Path) -> list[torch.Tensor]:
    """Return the logits [2, length] of each question, as plain transformers gives them, padded to LENGTH."""
    tokenizer = get_tokenizer(model_type)
    if model_type == "qwen2":  # for this type, transformers 5 reads any tokenizer.json by the rules of Qwen2's own
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, pad_token="[PAD]")
    contexts = [SAMPLE.get_context(row) for row in range(len(SAMPLE))]
    batch = tokenizer(
        SAMPLE.questions,
        contexts,
        truncation="only_second",
        max_length=LENGTH,
        padding="max_length",
        return_tensors="pt",
    )
    config = transformers.AutoConfig.from_pretrained(folder)
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    if FAMILIES[model_type].get("type_vocab_size") == 2 or model_type == "xlnet":
        inputs["token_type_ids"] = batch["token_type_ids"]
    if type(config) in transformers.MODEL_FOR_QUESTION_ANSWERING_MAPPING:
        model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder).eval()
        output = model(**inputs)
        logits = torch.stack([output.start_logits, output.end_logits], dim=1)
    else:  # the lines of docs/models.md
        encoder = transformers.AutoModel.from_pretrained(folder).eval()
        head = load_file(folder / "model.safetensors")
        hidden = encoder(**inputs).last_hidden_state
        logits = (hidden @ head["qa_outputs.weight"].T + head["qa_outputs.bias"]).transpose(1, 2)
    return [line[:, : int(mask.sum())] for line, mask in zip(logits, batch["attention_mask"], strict=True)]


@torch.no_grad()
def compute_own_logits(model: Any, windows: Windows) -> list[torch.Tensor]:
    """Return the logits [2, length] of each question's first window, as mlqa reads them: batched, little padding."""
    found = []
    for window in [int(np.flatnonzero(windows.row == row)[0]) for row in range(len(SAMPLE))]:
        batch = make_batch(windows, [window], 8)
        output = model(**{name: value for name, value in batch.items() if not name.endswith("_positions")})
        logits = torch.cat([output.start_logits, output.end_logits])
        found.append(logits[:, : int(batch["attention_mask"].sum())])
    return found


def check_rates(model: Any, windows: Windows) -> None:
    """Check that rates fall from the head to the embeddings, by the order in which a forward pass calls modules.

    DeBERTa's norm of relative positions and BART's norm of embeddings are called elsewhere than where they belong.
    """
    called: dict[int, int] = {}

    def note(module: Any, *_: Any) -> None:
        for parameter in module.parameters(recurse=False):
            called.setdefault(id(parameter), len(called))

    others = [each for each in model.modules() if not isinstance(each, torch.nn.Embedding | torch.nn.LayerNorm)]
    hooks = [each.register_forward_pre_hook(note) for each in others]
    compute_own_logits(model.eval(), windows)
    for hook in hooks:
        hook.remove()
    groups = build_layerwise_groups(model, 1.0, 0.5, 0.0)
    places: dict[float, list[int]] = {}
    for group in groups:
        found = places.setdefault(group["lr"], [])
        found += [called[id(parameter)] for parameter in group["params"] if id(parameter) in called]
    lowest, *rates = sorted(places)
    layers = count_layers(model.config)
    assert len(rates) == layers + 1 and rates[-1] == 1.0 and lowest == 0.5 ** (layers + 1)
    assert all(max(places[lower]) < min(places[upper]) for lower, upper in pairwise(rates))
    embeddings = model.get_input_embeddings().weight
    assert any(each is embeddings for group in groups if group["lr"] == lowest for each in group["params"])


def count_layers(described: Any) -> int:
    """Return how many layers with weights of their own a config describes, by the words of its type."""
    if described.model_type in ("albert", "funnel"):
        return {"albert": 1, "funnel": 3}[described.model_type]  # shared ones; two blocks and a decoder
    if not described.is_encoder_decoder:
        return int(described.num_hidden_layers)
    names = (
        ("num_layers", "num_decoder_layers") if "t5" in described.model_type else ("encoder_layers", "decoder_layers")
    )
    return sum(getattr(described, name) for name in names)


@torch.no_grad()
def check_trimming(model: Any, windows: Windows) -> None:
    """Check that a model without the rows that no window needs gives the same logits, special tokens moved or not."""
    batch = make_batch(windows, list(range(4)), 8)
    inputs = {name: value for name, value in batch.items() if not name.endswith("_positions")}
    others = range(1 if model.config.model_type == "mpnet" else 2, 5)  # MPNet's positions hang on id 1
    kept = np.union1d(batch["input_ids"].numpy(), [0, *others])  # [UNK] goes, so the others move
    trimmed = copy.deepcopy(model).eval()
    keep_rows(trimmed, kept)
    before = model.eval()(**inputs)
    ids = torch.from_numpy(np.searchsorted(kept, inputs["input_ids"].numpy()))
    after = trimmed(**{**inputs, "input_ids": ids})
    real = inputs["attention_mask"].bool()
    for one, other in ((before.start_logits, after.start_logits), (before.end_logits, after.end_logits)):
        difference = (one[real] - other[real]).abs().max() / (one[real].max() - one[real].min())
        assert difference < 2e-6, f"trimming: {float(difference)}"


def try_family(model_type: str, folder: Path) -> str:
    """Take a model through load, 5 steps of training, save, load, answer, and compare it with plain transformers.

    Returns:
        "works", "works without packing", or "refused: " and the reason.
    """
    published = publish(model_type, folder / "published")
    chosen = ModelConfig(pretrained=str(folder / "published"))
    try:
        tokenizer = load_tokenizer(chosen, [])
        torch.manual_seed(0)
        model, weights = load_model(chosen, tokenizer)
        reading = probe_reading(model, LENGTH)
    except ModelError as error:
        return f"refused: {str(error).replace(str(folder / 'published'), '...')}"
    # Every weight of the plain model is the published one, except those that no head reads.
    theirs = list_encoder_weights(published)
    ours = list_encoder_weights(model)
    read = {
        name
        for name in ours
        if f"{model.base_model_prefix}.{name}" not in weights.missing and name not in weights.missing
    }
    assert read and all(torch.equal(ours[name], theirs[name]) for name in read), model_type
    # Splinter is pre-trained with the head that answers.
    assert weights.loaded >= len(read) and bool(weights.missing) == (model_type != "splinter")

    windows = make_windows(SAMPLE, tokenizer, LENGTH, STRIDE, reading=reading)
    model.eval()
    outcome = "works"
    try:
        probe_packing(model)
    except ModelError:
        outcome = "works without packing"
    config = get_config()
    config.training.output_dir = str(folder)
    before = {name: value.clone() for name, value in model.named_parameters()}
    trainer = QuestionAnsweringTrainer(
        config, build_training_arguments(config), model, windows, dict, [], Checkpoints(folder, "0" * 16)
    )
    trainer.fit(None)
    assert trainer.state.global_step == 5
    assert sum(not torch.equal(value, before[name]) for name, value in model.named_parameters()) > len(read) // 2

    check_rates(model, windows)
    check_trimming(model, windows)
    assert count_stated_positions(model.config.to_dict()) == count_positions(model)

    save_model(model, tokenizer, folder / "model")
    again = load_trained_model(folder / "model").eval()
    spans, spans_again = (predict_spans(each, windows, config.training) for each in (model, again))
    assert (spans.score == spans_again.score).all() and (spans.first == spans_again.first).all()
    with torch.no_grad():
        plain = compute_plain_logits(model_type, folder / "model")
    for own, other in zip(compute_own_logits(again, windows), plain, strict=True):
        assert own.shape == other.shape
        difference = float((own - other).abs().max() / (other.max() - other.min()))
        assert difference < 2e-5, f"{model_type}: {difference}"
    return outcome


@cache
def get_config() -> Any:
    overrides = ["model=tiny_wordpiece", "dataset=sample", "tracking=files", "training.max_steps=5"]
    overrides += [f"training.max_seq_length={LENGTH}", f"training.doc_stride={STRIDE}", "training.save_strategy=no"]
    overrides += ["training.per_device_train_batch_size=4", "training.per_device_eval_batch_size=8"]
    return compose_config(overrides)[0]
