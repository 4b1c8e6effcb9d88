"""Answer questions as mlqa does, with onnxruntime, tokenizers and numpy alone: python predict.py QUESTION CONTEXT."""

import json
import sys
import unicodedata

import numpy as np
from tokenizers import Tokenizer


class Reader:
    """The model of a folder. `session.run(None, inputs)` returns start and end logits. Threads may share it."""

    def __init__(self, folder, session=None):
        self.session = session or __import__("onnxruntime").InferenceSession(f"{folder}/model.onnx")
        with open(f"{folder}/predict.json", encoding="utf-8") as file:
            self.settings, self.tokenizer = json.load(file), Tokenizer.from_file(f"{folder}/tokenizer.json")

    def locate(self, text, offsets):
        """Return starts and ends of tokens, with letters in front that no token has and combining marks behind."""
        starts, ends = np.array(offsets, dtype=int).reshape(-1, 2).T.copy()
        for token, (before, (begin, end)) in enumerate(zip([0, *ends.tolist()], offsets, strict=False)):
            while (at := starts[token] - 1) >= before and (text[at].isalnum() or (begin == end and text[at].strip())):
                starts[token] = at
            while 0 < ends[token] < len(text) and unicodedata.combining(text[ends[token]]):
                ends[token] += 1
        return np.minimum.accumulate(starts[::-1])[::-1].tolist(), np.maximum.accumulate(ends).tolist()

    def answer(self, question, context, top_k=1):
        """Return the best answers, best first. Each begins at `start` in the context, and "" means no answer."""
        if not all(any(map(str.isprintable, text.replace(" ", ""))) for text in (question, context)):
            raise ValueError("the question or the context is empty; give some text")
        s, heat, spans, best, null = self.settings, self.settings["temperature"], [], {}, np.inf
        asked, read = (self.tokenizer.encode(t, add_special_tokens=False) for t in (question.lstrip(), context))
        asked, (starts, ends) = asked.ids[: s["room"] * 3 // 4], self.locate(context, read.offsets)
        step = max((room := s["room"] - len(asked)) - s["doc_stride"], room // 4, 1)
        for begin in range(0, max(len(read.ids) - room, 0) + step, step):
            window = {"question": asked, "context": read.ids[begin : begin + room]}
            w = [(i, 1, kind) for part, kind in s["parts"] for i in window.get(part, [part])]
            rows = np.array([w + [(s["pad_id"], 0, 0)] * min(-len(w) % s["multiple"], s["max_seq_length"] - len(w))])
            start, end = (r[0] for r in self.session.run(None, {name: rows[..., k] for name, k in s["inputs"].items()}))
            null = min(null, start[s["null"] % len(w)] + end[s["null"] % len(w)])
            start, end = (row[s["first"] + len(asked) :][: len(window["context"])] for row in (start, end))
            left, right = (np.argsort(-row, kind="stable")[: s["n_best"]] for row in (start, end))
            pairs = ((i, j) for i in left for j in right if 0 <= j - i < s["max_answer_length"])
            spans += sorted((-start[i] - end[j], starts[begin + i], ends[begin + j]) for i, j in pairs)[: s["n_best"]]
        for cost, begin, stop in sorted(spans):
            best.setdefault((stop - len(context[begin:stop].lstrip()), context[begin:stop].strip()), -cost)
        ranked, none = [(v, t, at) for (at, t), v in best.items() if t][: s["n_best"]], (null, "", 0)
        first = none if not ranked or null - ranked[0][0] > s["threshold"] else ranked[0]
        ranked = sorted(ranked + [none] * (s["may_be_null"] or not ranked), key=lambda one: (one is not first, -one[0]))
        total = np.logaddexp.reduce([float(score) / heat for score, _, _ in ranked])
        return [{"text": t, "start": at, "probability": float(np.exp(v / heat - total))} for v, t, at in ranked[:top_k]]


if __name__ == "__main__":
    if len(sys.argv) != 3 or not all(any(map(str.isprintable, text.replace(" ", ""))) for text in sys.argv[1:]):
        sys.exit(print("usage: python predict.py QUESTION CONTEXT: neither may be empty", file=sys.stderr) or 2)
    print(json.dumps(Reader(sys.path[0]).answer(*sys.argv[1:]), ensure_ascii=False))
