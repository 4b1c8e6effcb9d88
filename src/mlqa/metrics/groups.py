"""The groups of the breakdown: names, order and labels, for everything that makes, shows or explains them."""

from __future__ import annotations

from dataclasses import dataclass

NO_ANSWER = "none"
OTHER = "other"  # the type of a question that no pattern matches
UNKNOWN = "unknown"
ANSWER_LENGTHS = {1: "1", 2: "2", 5: "3-5", 10: "6-10"}  # the longest answers of a group, in words
LONGEST_ANSWERS = "11+"
ON_TOKENS, INSIDE_TOKEN = "on_tokens", "inside_a_token"
WHOLE_WORDS, CONTINUED = "whole", "continued"
CUT_WRONGLY, NOT_CUT, NO_SUFFIX = "cut_wrongly", "not_cut", "no_suffix"
RARE, FREQUENT = "rare", "frequent"


@dataclass(frozen=True)
class Grouping:
    """One way to divide the questions of a split: each is in exactly one of the `groups`, listed in display order."""

    label: str
    groups: tuple[str, ...]


# In the order in which they are shown. docs/metrics.md says how each question gets its group.
GROUPINGS = {
    # the types of the language's question words come before "other"
    "question_type": Grouping("question type", (OTHER,)),
    "answer_length": Grouping("words of the answer", (*ANSWER_LENGTHS.values(), LONGEST_ANSWERS, NO_ANSWER)),
    "answer_form": Grouping(
        "after the answer", ("whole_word", "suffix_follows", "apostrophe_suffix_follows", NO_ANSWER)
    ),
    "inflection": Grouping("last word of the answer", ("inflected", "bare", UNKNOWN, NO_ANSWER)),
    "answer_morphemes": Grouping("morphemes of the answer", ("1", "2", "3", "4", "5+", UNKNOWN, NO_ANSWER)),
    "token_boundary": Grouping("the answer and the tokens", (ON_TOKENS, INSIDE_TOKEN, NO_ANSWER)),
    "gold_words": Grouping("words of the answer and the tokens", (WHOLE_WORDS, CONTINUED, NO_ANSWER)),
    "gold_suffixes": Grouping(
        "suffixes of the answer and the tokens", (NOT_CUT, CUT_WRONGLY, NO_SUFFIX, UNKNOWN, NO_ANSWER)
    ),
    "gold_rarity": Grouping("rarest word of the answer", (FREQUENT, RARE, NO_ANSWER)),
}
OF_A_TOKENIZER = ("token_boundary", "gold_words", "gold_suffixes")  # these differ between treatments
