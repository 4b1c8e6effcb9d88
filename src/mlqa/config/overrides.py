"""Parse overrides, and explain one that is not in Hydra's form."""

from __future__ import annotations

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from mlqa.errors import ConfigError, summarize_error


def parse_overrides(overrides: list[str]) -> list[Override]:
    """Parse overrides in Hydra's form.

    Raises:
        ConfigError: An override is not in this form.
    """
    hydra = GlobalHydra.instance()  # whose groups a glob chooses from
    loader = hydra.config_loader() if hydra.is_initialized() else None
    try:
        return OverridesParser.create(config_loader=loader).parse_overrides(overrides)
    except HydraException as error:
        wrong = summarize_error(error).removeprefix("LexerNoViableAltException: ")
        advice = "write key=value, and quote a value with special characters"
        if wrong.startswith("words="):  # letters outside ASCII are special to Hydra's grammar
            advice = """quote each word: 'words=["kâğıdı"]', or give words_file=, or mlqa tokenizers --words kâğıdı"""
        raise ConfigError(f"{wrong}: not a valid override; {advice}") from error
