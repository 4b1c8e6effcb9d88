"""A stand-in for transformers' run_qa.py: the two functions that the benchmarks compile out of its main()."""

# ruff: noqa: F821 - whoever compiles them gives the tokenizer, the names of the columns and the sizes


def main():
    def prepare_validation_features(examples):
        features = tokenizer(
            examples[question_column_name],
            examples[context_column_name],
            truncation="only_second",
            max_length=max_seq_length,
            stride=data_args.doc_stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding="max_length",
        )
        rows = features.pop("overflow_to_sample_mapping")
        features["example_id"] = [examples["id"][row] for row in rows]
        features["offset_mapping"] = [
            [pair if part == 1 else None for pair, part in zip(offsets, features.sequence_ids(number), strict=True)]
            for number, offsets in enumerate(features["offset_mapping"])
        ]
        return features

    def prepare_train_features(examples):
        features = prepare_validation_features(examples)
        answers = dict(zip(examples["id"], examples[answer_column_name], strict=True))
        features["start_positions"], features["end_positions"] = [], []
        for row, offsets in zip(features.pop("example_id"), features.pop("offset_mapping"), strict=True):
            start = answers[row]["answer_start"][0]
            end = start + len(answers[row]["text"][0])
            places = [place for place, pair in enumerate(offsets) if pair]
            first = last = 0  # an answer outside the window is labelled by the first token
            if offsets[places[0]][0] <= start and offsets[places[-1]][1] >= end:
                first = max(place for place in places if offsets[place][0] <= start)
                last = min(place for place in places if offsets[place][1] >= end)
            features["start_positions"].append(first)
            features["end_positions"].append(last)
        return features
