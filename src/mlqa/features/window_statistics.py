"""What windows make of a data set: how many a question needs, how many hold no answer, how much of them is padding."""

from __future__ import annotations

import numpy as np

from mlqa.data.examples import Examples
from mlqa.features.tokens import locate_gold_tokens
from mlqa.features.windows import Windows


def compute_window_figures(windows: Windows, examples: Examples, max_answer_length: int) -> dict[str, float]:
    """Figures over the windows that `make_windows` has made of `examples`.

    windows                          all of them
    windows_per_question             mean
    questions_of_several_windows     share (0-1) of the questions with more than one
    windows_without_answer           share of the windows that do not hold the answer whole; they are trained to
                                     answer nothing, those of unanswerable questions included
    padding_at_max_seq_length        share of the positions that is padding where every window is filled to
                                     max_seq_length; grouped batches have less
    answers_beyond_max_answer_length share of the questions' first golds that have more tokens, from their first to
                                     their last: decoding with this limit cannot return them whole
    cut_questions                    questions too long for a window, of which the end is missing
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
