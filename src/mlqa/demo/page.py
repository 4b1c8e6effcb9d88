"""The page of `mlqa demo` and its API. Gradio serves both, with its queue and limits set here."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from mlqa.demo.asking import (
    ANSWER,
    LONGEST_CONTEXT,
    LONGEST_QUESTION,
    NEXT_WORD,
    RUNNER_UP,
    WORD,
    Asked,
    build_answer,
    show_answer,
)
from mlqa.errors import MlqaError, RunError

MOST_WAITING = 256  # requests in the queue. The next one is told that the queue is full
AT_ONCE = 4  # requests in work: one computes, the others are read and written
MOST_THREADS = 16
MARKS = {ANSWER: "#15803d", RUNNER_UP: "#b45309"}
TOKENS = {WORD: "#1d4ed8", NEXT_WORD: "#a21caf"}
FONTS = ["system-ui", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]  # the reader's own: nothing is fetched


def import_gradio() -> Any:
    """Import gradio with everything off that would report to somebody.

    Raises:
        RunError: gradio is not installed.
    """
    for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_SHARE"):
        os.environ[name] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        import gradio
    except ImportError:
        raise RunError("mlqa demo needs gradio: pip install 'gradio>=6,<7'") from None
    return gradio


def build_page(asked: Sequence[Asked], examples: Sequence[Sequence[str]] = ()) -> Any:
    """Build the page for one model, or for several side by side.

    Args:
        asked: The models.
        examples: Pairs of a question and a passage to try.

    Returns:
        A gradio.Blocks, to be launched with `get_launch_options`.

    Raises:
        RunError: gradio is not installed.
    """
    gradio = import_gradio()
    with gradio.Blocks(analytics_enabled=False, title="mlqa demo") as page:
        gradio.Markdown("# Ask a passage")
        with gradio.Row():
            question = gradio.Textbox(label="Question", max_length=LONGEST_QUESTION, scale=4, elem_id="question")
            button = gradio.Button("Answer", variant="primary", scale=1, min_width=120, elem_id="answer")
        context = gradio.Textbox(label="Passage", lines=6, max_lines=18, max_length=LONGEST_CONTEXT, elem_id="passage")
        if examples:
            gradio.Examples([list(pair) for pair in examples], [question, context], cache_examples=False)
        outputs = []
        with gradio.Row(equal_height=False):
            for one in asked:
                with gradio.Column(min_width=320):
                    outputs += _build_column(gradio, one)
        ask = {
            "fn": lambda question, context: _show_all(gradio, asked, question, context),
            "inputs": [question, context],
            "outputs": outputs,
            "api_visibility": "private",
            "concurrency_limit": AT_ONCE,
        }
        button.click(**ask)
        question.submit(**ask)
        for number, one in enumerate(asked, 1):
            gradio.api(
                _guard(gradio, build_answer(one)),
                api_name="predict" if number == 1 else f"predict_{number}",
                api_description=f"Answer a question with {one.name} ({one.facts}), as mlqa predict --json prints it.",
                concurrency_limit=AT_ONCE,
            )
    return page.queue(max_size=MOST_WAITING, default_concurrency_limit=AT_ONCE, api_open=False)


def get_launch_options(gradio: Any, host: str, port: int | None) -> dict[str, Any]:
    """Return how to launch the page: where it listens, and that it uploads, shares and fetches nothing.

    Args:
        gradio: The module.
        host: Address to listen on.
        port: Port to listen on, None for the first free one from 7860 on.
    """
    return {
        "server_name": host,
        "server_port": port,
        "share": False,
        "max_threads": MOST_THREADS,
        "max_file_size": 1,  # bytes: nothing here takes a file
        "show_error": True,
        "ssr_mode": False,
        "enable_monitoring": False,
        "footer_links": ["api"],
        "theme": gradio.themes.Default(font=FONTS, font_mono=["ui-monospace", "monospace"]),
        "quiet": True,
    }


def _build_column(gradio: Any, asked: Asked) -> list[Any]:
    """Add the outputs of a model: verdict, passage, candidates and tokens."""
    heading = f"{asked.name} ({asked.facts})"
    shared = {"combine_adjacent": False, "show_inline_category": False}
    return [
        gradio.Markdown("", label=heading, elem_classes="verdict"),
        gradio.HighlightedText(label=heading, color_map=MARKS, show_legend=True, elem_classes="marked", **shared),
        gradio.Dataframe(
            headers=["answer", "probability", "characters"],
            column_widths=["56%", "22%", "22%"],
            label="Candidates",
            interactive=False,
            wrap=True,
        ),
        gradio.HighlightedText(
            label="Tokens, a colour for each word",
            color_map=TOKENS,
            elem_classes="tokens",
            **shared,
        ),
    ]


def _show_all(gradio: Any, asked: Sequence[Asked], question: str, context: str) -> list[Any]:
    """Return the outputs of each model. What is wrong with a question is said in their place, and beside the fields.

    An error of Gradio would put a badge on every output and leave the last answer under it.
    """
    values: list[Any] = []
    try:
        for one in asked:
            shown = show_answer(one, question, context)
            values += [shown.verdict, shown.passage, shown.table, shown.tokens]
    except MlqaError as error:
        gradio.Warning(str(error))
        return [f"**No answer:** {error}", None, None, None] * len(asked)
    return values


def _guard(gradio: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with errors meant for the user as Gradio's, which reach page and client as one line."""
    import functools

    @functools.wraps(function)
    def guarded(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except MlqaError as error:
            raise gradio.Error(str(error), print_exception=False) from None

    return guarded
