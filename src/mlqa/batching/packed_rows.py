"""Windows to packed rows: several windows share a row, each reading only itself, so that little is padding."""

from __future__ import annotations

import numpy as np
import torch

from mlqa.features.windows import Windows


def fill_rows(lengths: np.ndarray, width: int) -> list[list[int]]:
    """Which windows share a row of `width` tokens: numbers into `lengths`, by first fit in order of falling length.

    First fit decreasing needs at most 11/9 of the fewest rows possible, plus one (Johnson 1973).
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
    windows: Windows, chosen: np.ndarray | list[int], multiple: int, first_position: int
) -> dict[str, torch.Tensor]:
    """Inputs and labels for the chosen windows in rows of at most max_seq_length tokens.

    `input_ids`, `token_type_ids` and `position_ids` [rows, width]; positions begin anew, at `first_position`, in each
    window. `segments` [rows, width]: which of its row's windows a token belongs to, from 1; 0 is padding.
    `window_begins`, `window_lengths`, `start_positions`, `end_positions` [windows]: where each chosen window stands
    in the flattened rows, and its answer counted from the window's first token. The width is the fullest row, rounded
    up to `multiple`.
    """
    chosen = np.asarray(chosen)
    template, lengths = windows.template, windows.lengths[chosen]
    rows = fill_rows(lengths, windows.max_seq_length)
    fullest = max(int(lengths[row].sum()) for row in rows)
    width = min(windows.max_seq_length, -(-fullest // multiple) * multiple)
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
        "segments": segments,
        "window_begins": begins,
        "window_lengths": lengths.astype(np.int64),
        "start_positions": windows.start_positions[chosen],
        "end_positions": windows.end_positions[chosen],
    }
    if template.has_token_type_ids:
        batch["token_type_ids"] = token_type_ids
    return {name: torch.from_numpy(array) for name, array in batch.items()}


def unpack_logits(logits: torch.Tensor, begins: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Logits of packed rows [rows, width] by window [windows, longest window]; -inf behind a window's end."""
    place = torch.arange(int(lengths.max()), device=logits.device)[None, :]
    found = logits.flatten()[(begins[:, None] + place).clamp(max=logits.numel() - 1)]
    return found.masked_fill(place >= lengths[:, None], -torch.inf)
