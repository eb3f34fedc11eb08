"""Python's side of the check of windows: what a tokenizer of transformers cuts contexts into, and where run_qa finds the answer's ends.

Usage: python answers_side.py PLAN.json RESULT.json
"""

import json
import sys

import transformers

transformers.logging.set_verbosity_error()


def ends(window, answers, of_context, cls):
    """First and last token of the answer, as run_qa looks for them; within the context, which run_qa leaves at its last token."""
    offsets, sequences = window["offset_mapping"], window["sequence_ids"]
    inside = [i for i, sequence in enumerate(sequences) if sequence == of_context]
    if not answers["answer_start"] or not inside:
        return [cls, cls]
    start, end = answers["answer_start"][0], answers["answer_start"][0] + len(answers["text"][0])
    first, last = inside[0], inside[-1]
    if not (offsets[first][0] <= start and offsets[last][1] >= end):
        return [cls, cls]
    while first <= inside[-1] and offsets[first][0] <= start:
        first += 1
    while last >= inside[0] and offsets[last][1] >= end:
        last -= 1
    return [first - 1, last + 1]


def windows(tokenizer, row, max_length, stride):
    """The windows of a row, without padding."""
    pads_right = tokenizer.padding_side == "right"
    pair = [row["question"].lstrip(), row["context"]]
    made = tokenizer(
        *(pair if pads_right else pair[::-1]),
        truncation="only_second" if pads_right else "only_first",
        max_length=max_length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    found = []
    for index, ids in enumerate(made["input_ids"]):
        named = [ids.index(token) for token in (tokenizer.cls_token_id, tokenizer.bos_token_id) if token in ids]
        window = {"offset_mapping": made["offset_mapping"][index], "sequence_ids": made.sequence_ids(index)}
        types = {"types": made["token_type_ids"][index]} if "token_type_ids" in made else {}
        found.append({"ids": ids, **types, **window, "ends": ends(window, row["answers"], 1 if pads_right else 0, named[0] if named else 0)})
    return found


def main():
    plan_path, result_path = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    result = []
    for folder in plan["folders"]:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        result.append([windows(tokenizer, row, plan["maxLength"], plan["stride"]) for row in plan["rows"]])
    with open(result_path, "w") as file:
        json.dump(result, file)


main()
