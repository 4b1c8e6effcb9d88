"""Answer requests on a SageMaker endpoint, in a Hugging Face inference container. It needs what the container has.

A request is JSON: {"inputs": {"question": ..., "context": ...}}, or a list of such pairs, and "parameters":
{"top_k": 3} if more than one answer is wanted. The answer is a list of {"text", "start", "probability"}, best first, or
a list of such lists.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


class TorchSession:
    """The model on the GPU if there is one, otherwise on the CPU."""

    def __init__(self, folder):
        """Load the model of a folder."""
        import torch
        from transformers import AutoModelForQuestionAnswering

        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = AutoModelForQuestionAnswering.from_pretrained(folder).to(self.device).eval()

    def run(self, _, inputs):
        """Return start and end logits [windows, width] as arrays."""
        with self.torch.inference_mode():
            tensors = {name: self.torch.from_numpy(rows).to(self.device) for name, rows in inputs.items()}
            output = self.model(**tensors)
        return [output.start_logits.float().cpu().numpy(), output.end_logits.float().cpu().numpy()]


def model_fn(model_dir):
    """Load the model once, when the endpoint starts."""
    from predict import Reader

    return Reader(model_dir, TorchSession(model_dir))


def predict_fn(data, model):
    """Answer a request that the container has read from JSON.

    Raises:
        ValueError: The request has another form. The container answers with status 400 and this message.
    """
    if not isinstance(data, dict) or "inputs" not in data:
        raise ValueError('a request is {"inputs": {"question": ..., "context": ...}}, or a list of such pairs')
    pairs, top_k = data["inputs"], int(data.get("parameters", {}).get("top_k", 1))
    answers = [
        model.answer(pair["question"], pair["context"], top_k)
        for pair in (pairs if isinstance(pairs, list) else [pairs])
    ]
    return answers if isinstance(pairs, list) else answers[0]
