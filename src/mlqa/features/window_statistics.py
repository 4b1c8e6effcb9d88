"""Measure the windows of a data set: windows per question, windows without an answer, padding."""

from __future__ import annotations

import numpy as np

from mlqa.data.examples import Examples
from mlqa.features.tokens import locate_gold_tokens
from mlqa.features.windows import Windows


def compute_window_figures(windows: Windows, examples: Examples, max_answer_length: int) -> dict[str, float]:
    """Compute figures over the windows that `make_windows` made of `examples`.

    Args:
        windows: All windows of a split.
        examples: The rows of the split.
        max_answer_length: The longest answer that decoding returns, in tokens.

    Returns:
        windows: Number of windows.
        windows_per_question: Mean.
        questions_of_several_windows: Share (0-1) of the questions with more than one window.
        windows_without_answer: Share (0-1) of the windows that do not contain the whole answer, including those of
            unanswerable questions. They are trained to answer nothing.
        padding_at_max_seq_length: Share (0-1) of the positions that are padding if every window is padded to
            max_seq_length. Grouped batches have less.
        answers_beyond_max_answer_length: Share (0-1) of the first gold answers with more tokens than the limit, from
            their first to their last. Decoding with this limit cannot return them whole.
        cut_questions: Number of questions that are too long for a window and lose their end.
    """
    per_question = np.bincount(windows.row, minlength=len(examples))
    first, last = locate_gold_tokens(examples, windows.context)
    tokens = (last - first + 1)[last >= first]
    return {
        "windows": len(windows),
        "windows_per_question": float(per_question.mean()),
        "questions_of_several_windows": float((per_question > 1).mean()),
        "windows_without_answer": float((~windows.has_answer).mean()),
        "padding_at_max_seq_length": float(1 - windows.lengths.sum() / (len(windows) * windows.max_seq_length)),
        "answers_beyond_max_answer_length": float((tokens > max_answer_length).mean()) if len(tokens) else 0.0,
        "cut_questions": windows.cut_questions,
    }
