"""Python's side of the check of trained heads: opens adapters that the command line wrote, on their bases, and gives what the heads say.

Usage: python trained_heads_side.py PLAN.json RESULT.json
"""

import json
import sys
import warnings

import torch
import transformers
from peft import PeftModel

CLASSES = {
    "SEQ_2_SEQ_LM": transformers.AutoModelForSeq2SeqLM,
    "MASKED_LM": transformers.AutoModelForMaskedLM,
    "SEQ_CLS": transformers.AutoModelForSequenceClassification,
    "TOKEN_CLS": transformers.AutoModelForTokenClassification,
    "QUESTION_ANS": transformers.AutoModelForQuestionAnswering,
}


def outputs(model, ids, task):
    """The output of the head, flat."""
    both = {"decoder_input_ids": ids} if task == "SEQ_2_SEQ_LM" else {}
    with torch.no_grad():
        found = model.eval()(input_ids=ids, **both)
    if task == "QUESTION_ANS":
        return torch.stack([found.start_logits, found.end_logits], -1).flatten().tolist()
    return found.logits.flatten().tolist()


def main():
    plan_path, result_path = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    transformers.logging.set_verbosity_error()
    ids = torch.tensor(plan["inputIds"])
    result = {}
    for case in plan["cases"]:
        labels = {"num_labels": case["labels"]} if case["labels"] is not None else {}
        torch.manual_seed(len(result))  # what the adapter does not bring along is drawn otherwise than there
        base = CLASSES[case["task"]].from_pretrained(case["base"], dtype=torch.float32, attn_implementation="eager", **labels)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = PeftModel.from_pretrained(base, case["adapter"])
        said = [str(each.message) for each in caught]
        result[case["name"]] = {"logits": outputs(model, ids, case["task"]), "warnings": [text for text in said if "adapter" in text.lower()]}
    with open(result_path, "w") as file:
        json.dump(result, file)


main()
