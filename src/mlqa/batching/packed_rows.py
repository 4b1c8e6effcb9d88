"""Batch windows in packed rows: several windows share a row and attend only to themselves, which saves padding."""

from __future__ import annotations

import numpy as np
import torch

from mlqa.features.windows import Windows


def fill_rows(lengths: np.ndarray, width: int) -> list[list[int]]:
    """Assign windows to rows of `width` tokens by first fit in order of decreasing length.

    First fit decreasing needs at most 11/9 of the fewest rows possible, plus one (Johnson 1973).

    Args:
        lengths: Tokens of each window, at most `width` [windows].
        width: Tokens per row.

    Returns:
        For each row, the indices into `lengths` of its windows.
    """
    rows: list[list[int]] = []
    room: list[int] = []
    for number in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[number])
        row = next((row for row, free in enumerate(room) if free >= length), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(width)
        rows[row].append(number)
        room[row] -= length
    return rows


def make_packed_batch(
    windows: Windows, chosen: np.ndarray | list[int], multiple: int, first_position: int, one_row: bool = False
) -> dict[str, torch.Tensor]:
    """Build inputs and labels for the chosen windows in rows of at most max_seq_length tokens, or in one row.

    Args:
        windows: Windows of a split.
        chosen: Numbers of the windows to read.
        multiple: The width is the fullest row, rounded up to a multiple of this many tokens.
        first_position: Position id of each window's first token.
        one_row: Whether all windows share one row in their order, however long and without padding.

    Returns:
        `input_ids`, `token_type_ids` and `position_ids` [rows, width]. Positions restart in each window.
        `segments` [rows, width]: which window of its row a token belongs to, from 1, or 0 for padding. Not in one row.
        `window_begins`, `window_lengths` [windows]: where each chosen window is in the flattened rows.
        `start_positions`, `end_positions` [windows]: its answer, counted from the window's first token.
    """
    chosen = np.asarray(chosen)
    template, lengths = windows.template, windows.lengths[chosen]
    rows = [list(range(len(chosen)))] if one_row else fill_rows(lengths, windows.max_seq_length)
    fullest = max(int(lengths[row].sum()) for row in rows)
    width = fullest if one_row else min(windows.max_seq_length, -(-fullest // multiple) * multiple)
    input_ids = np.full((len(rows), width), template.pad_id, dtype=np.int64)
    token_type_ids, position_ids, segments = (np.zeros_like(input_ids) for _ in range(3))
    begins = np.zeros(len(chosen), dtype=np.int64)
    for line, row in enumerate(rows):
        begin = 0
        for segment, number in enumerate(row, start=1):
            place = slice(begin, begin + int(lengths[number]))
            windows.write(int(chosen[number]), input_ids[line, place], token_type_ids[line, place])
            position_ids[line, place] = first_position + np.arange(lengths[number])
            segments[line, place] = segment
            begins[number] = line * width + begin
            begin = place.stop
    batch = {
        "input_ids": input_ids,
        "position_ids": position_ids,
        "window_begins": begins,
        "window_lengths": lengths.astype(np.int64),
        "start_positions": windows.start_positions[chosen],
        "end_positions": windows.end_positions[chosen],
    }
    if not one_row:
        batch["segments"] = segments
    if template.has_token_type_ids:
        batch["token_type_ids"] = token_type_ids
    return {name: torch.from_numpy(array) for name, array in batch.items()}


def unpack_logits(logits: torch.Tensor, begins: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Rearrange the logits of packed rows by window.

    Args:
        logits: Logits of the rows [rows, width].
        begins: First position of each window in the flattened rows [windows].
        lengths: Tokens of each window [windows].

    Returns:
        Logits by window [windows, longest window], -inf after the end of a window.
    """
    place = torch.arange(int(lengths.max()), device=logits.device)[None, :]
    by_window = logits.flatten()[(begins[:, None] + place).clamp(max=logits.numel() - 1)]
    return by_window.masked_fill(place >= lengths[:, None], -torch.inf)
