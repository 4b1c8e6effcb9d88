"""Test that windows are read as the model is trained to: side of "no answer", width, token types, positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from mlqa.batching.padded_rows import make_batch
from mlqa.data.examples import Answer, Examples
from mlqa.errors import ModelError
from mlqa.features.template import Reading, make_template
from mlqa.features.windows import make_windows
from mlqa.models.reading import count_positions, probe_reading
from mlqa.tokenization.scratch import train_tokenizer

pytestmark = pytest.mark.legacy

SHAPE = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
TEXTS = ["Bahçede bir ağaç var. Ne var?"] * 9
TOKENIZER = train_tokenizer(TEXTS, "char", 60, 512)


def build(kind: str, **options: Any) -> Any:
    torch.manual_seed(0)
    model_class = getattr(transformers, f"{kind}ForQuestionAnswering", None)
    if model_class is None:
        pytest.skip(f"this transformers has no {kind}ForQuestionAnswering")
    return model_class(getattr(transformers, f"{kind}Config")(**{**SHAPE, "initializer_range": 0.2, **options}))


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("Bert", {}, Reading()),
        ("Roberta", {"type_vocab_size": 1, "pad_token_id": 1}, Reading(token_types=False)),
        ("DistilBert", {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}, Reading(token_types=False)),
        ("Albert", {"embedding_size": 8}, Reading(token_types=True)),
        ("FNet", {"type_vocab_size": 4}, Reading(one_width=True)),
        ("ConvBert", {"embedding_size": 16}, Reading(one_width=True)),
        ("GPT2", {"bos_token_id": 1, "eos_token_id": 2}, Reading(null_last=True)),
        ("Llama", {"bos_token_id": 1, "eos_token_id": 2}, Reading(null_last=True, token_types=False)),
    ],
)
def test_how_a_model_reads_is_found_by_trying(kind: str, options: dict[str, Any], expected: Reading) -> None:
    model = build(kind, **options)
    if kind == "FNet" and transformers.__version__ < "5":
        with pytest.raises(ModelError, match=r"a fnet model cannot read a window of 48 tokens: .*attention_mask"):
            probe_reading(model, 48)
        return
    before, training = torch.get_rng_state(), model.training
    assert probe_reading(model, 48) == expected
    assert torch.equal(torch.get_rng_state(), before) and model.training is training


@pytest.mark.parametrize(
    ("kind", "options", "positions"),
    [
        ("Bert", {"max_position_embeddings": 40}, 40),
        ("Roberta", {"max_position_embeddings": 42, "pad_token_id": 1}, 40),
        ("MPNet", {"max_position_embeddings": 42, "pad_token_id": 1}, 40),
        ("GPT2", {"n_positions": 40, "bos_token_id": 1, "eos_token_id": 2}, 40),
        ("OPT", {"max_position_embeddings": 40, "word_embed_proj_dim": 16, "ffn_dim": 24}, 40),
        ("GPTJ", {"n_positions": 40, "rotary_dim": 4, "bos_token_id": 1, "eos_token_id": 2}, 40),
        ("IBert", {"max_position_embeddings": 42, "pad_token_id": 1}, 40),
        ("Mpt", {"max_seq_len": 40, "d_model": 16, "n_heads": 2, "n_layers": 2}, 40),
        ("Nystromformer", {"max_position_embeddings": 40, "segment_means_seq_len": 8, "num_landmarks": 8}, 40),
        ("DebertaV2", {"max_position_embeddings": 40, "position_biased_input": False}, None),
        ("T5", {"d_kv": 8, "d_ff": 16, "decoder_start_token_id": 0, "pad_token_id": 0}, None),
    ],
)
def test_positions_are_counted_as_the_model_counts_them(kind: str, options: dict[str, Any], positions: int) -> None:
    model = build(kind, **options).eval()
    assert count_positions(model) == positions
    longest = torch.full((1, positions or 60), 7)
    with torch.no_grad():
        model(longest)  # as many as there are
        if positions is not None:
            with pytest.raises((IndexError, RuntimeError)):
                model(torch.full((1, positions + 1), 7))
            with pytest.raises(ModelError, match=f"the model has {positions} positions; choose training"):
                probe_reading(model, positions + 1)


def one_with_and_one_without() -> Examples:
    context = "Bahçede bir ağaç var."
    return Examples(["0", "1"], ["Ne var?"] * 2, [context], np.array([0, 0]), [(Answer("ağaç", 12),), ()])


def test_no_answer_is_the_last_token_of_a_causal_model() -> None:
    windows = make_windows(one_with_and_one_without(), TOKENIZER, 48, 8, reading=Reading(null_last=True))
    assert windows.has_answer.tolist() == [True, False]
    batch = make_batch(windows, [0, 1], 8)
    last = int(batch["attention_mask"][1].sum()) - 1
    assert batch["start_positions"][1] == batch["end_positions"][1] == last
    assert batch["start_positions"][0] < batch["end_positions"][0] < last


def test_no_answer_is_the_cls_that_comes_last() -> None:
    """XLNet's pair is question, [SEP], context, [SEP], [CLS]."""
    from tokenizers import processors

    tokenizer = train_tokenizer(TEXTS, "char", 60, 512)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in ("[SEP]", "[CLS]")}
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A:0 [SEP]:0 [CLS]:2", pair="$A:0 [SEP]:0 $B:1 [SEP]:1 [CLS]:2", special_tokens=list(ids.items())
    )
    batch = make_batch(make_windows(one_with_and_one_without(), tokenizer, 48, 8), [1], 8)
    assert batch["input_ids"][0, batch["start_positions"][0]] == ids["[CLS]"]


def test_damaged_weights_are_refused() -> None:
    model = build("Bert")
    with torch.no_grad():
        model.bert.encoder.layer[0].output.dense.weight[0, 0] = float("nan")
    with pytest.raises(ModelError, match="its logits are not finite before any training, so its weights are damaged"):
        probe_reading(model, 48)


def test_one_width_is_max_seq_length() -> None:
    windows = make_windows(one_with_and_one_without(), TOKENIZER, 48, 8, reading=Reading(one_width=True))
    assert make_batch(windows, [0], 8)["input_ids"].shape == (1, 48)


def test_token_types_follow_the_model_not_the_tokenizer() -> None:
    """The tokenizers of transformers 5 no longer ask for the types that ALBERT and others are trained with."""
    tokenizer = train_tokenizer(TEXTS, "char", 60, 512)
    expected = make_batch(make_windows(one_with_and_one_without(), tokenizer, 48, 8), [0], 8)
    without = make_windows(one_with_and_one_without(), tokenizer, 48, 8, reading=Reading(token_types=False))
    assert "token_type_ids" not in make_batch(without, [0], 8)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    assert not make_template(tokenizer).has_token_type_ids
    with_types = make_windows(one_with_and_one_without(), tokenizer, 48, 8, reading=Reading(token_types=True))
    assert torch.equal(make_batch(with_types, [0], 8)["token_type_ids"], expected["token_type_ids"])


def test_a_folder_with_a_sentencepiece_model_alone(tmp_path: Path) -> None:
    """Published DeBERTa-v3 and mDeBERTa-v3 have spm.model and no tokenizer.json."""
    sentencepiece = pytest.importorskip("sentencepiece")
    from mlqa.config.schema import ModelConfig
    from mlqa.tokenization.load import load_tokenizer

    (tmp_path / "text").write_text(
        "\n".join(["Bahçede bir ağaç var.", "Ne var? Ankara'nın nüfusu arttı."] * 20), "utf-8"
    )
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"), model_prefix=str(tmp_path / "spm"), vocab_size=60, pad_id=0, unk_id=3, bos_id=1,
        eos_id=2, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]", minloglevel=2,
        hard_vocab_limit=False,
    )  # fmt: skip
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "spm.model").rename(folder / "spm.model")
    transformers.DebertaV2Config(**SHAPE).save_pretrained(folder)
    tokenizer = load_tokenizer(ModelConfig(pretrained=str(folder)), [])
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))
    text = "Bahçede bir ağaç var."
    assert tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=False)["input_ids"]) == (
        pieces.encode(text, out_type=str)
    )
    windows = make_windows(one_with_and_one_without(), tokenizer, 48, 8)
    first = windows.start_positions[0] - windows.context_begin[0]
    last = windows.end_positions[0] - windows.context_begin[0]
    assert text[windows.context.starts[first] : windows.context.ends[last]].strip() == "ağaç"
