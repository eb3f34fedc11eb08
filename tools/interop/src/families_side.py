"""Python's side of the check of every family: writes tiny random checkpoints as save_pretrained does, reads adapters made elsewhere, makes its own.

Usage: python families_side.py PLAN.json RESULT.json. Prints `made` when the checkpoints are there, and goes on after a line on stdin.
"""

import copy
import json
import logging
import sys

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
logging.disable(logging.WARNING)
SPREAD = 0.3  # of random weights: large enough to move every logit, small enough for float16
CLASSES = {
    "CAUSAL_LM": transformers.AutoModelForCausalLM,
    "SEQ_2_SEQ_LM": transformers.AutoModelForSeq2SeqLM,
    "MASKED_LM": transformers.AutoModelForMaskedLM,
    "SEQ_CLS": transformers.AutoModelForSequenceClassification,
    "TOKEN_CLS": transformers.AutoModelForTokenClassification,
    "QUESTION_ANS": transformers.AutoModelForQuestionAnswering,
    "FEATURE_EXTRACTION": transformers.AutoModel,
}


def randomize(parameters, generator):
    """Values around what they start with, where that is not random: norms around 1."""
    with torch.no_grad():
        for parameter in parameters:
            shift = 1.0 if bool((parameter == 1).all()) else 0.0
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * SPREAD + shift)


def outputs(model, ids, task):
    """The output of the task's head, flat."""
    both = {"decoder_input_ids": ids} if getattr(model.config, "is_encoder_decoder", False) and task in ("SEQ_2_SEQ_LM", "FEATURE_EXTRACTION") else {}
    with torch.no_grad():
        found = model.eval()(input_ids=ids, **both)
    if task == "QUESTION_ANS":
        return torch.stack([found.start_logits, found.end_logits], -1).flatten().tolist()
    return (found.last_hidden_state if task == "FEATURE_EXTRACTION" else found.logits).flatten().tolist()


def class_of(case):
    return getattr(transformers, case["className"]) if "className" in case else CLASSES[case["task"]]


def load(case, folder):
    return class_of(case).from_pretrained(folder, dtype=torch.float32, attn_implementation=case["attention"]).eval()


def configure(own):
    """The configuration. JSON of the other side writes 2.0 as 2, which fields for floats alone refuse."""
    fields = transformers.CONFIG_MAPPING[own["model_type"]].__dataclass_fields__
    only_float = {name for name, field in fields.items() if "float" in str(field.type) and "int" not in str(field.type)}
    return transformers.AutoConfig.for_model(**{key: float(value) if key in only_float and type(value) is int else value for key, value in own.items()})


def make(case, ids):
    """Writes the checkpoint in two shards, and in half precision."""
    task = case["task"]
    own = {key: value for key, value in case["config"].items() if key != "num_labels" or task in ("SEQ_CLS", "TOKEN_CLS")}
    own_class = class_of(case)
    model = (own_class._from_config if "className" in case else own_class.from_config)(configure(own), attn_implementation=case["attention"]).eval()
    randomize(model.parameters(), torch.Generator().manual_seed(3))
    size = sum(parameter.nbytes for parameter in model.parameters())
    model.save_pretrained(case["folder"], max_shard_size=size * 2 // 3)
    copy.deepcopy(model).to(getattr(torch, case["half"])).save_pretrained(case["halfFolder"])
    return {"whole": outputs(load(case, case["folder"]), ids, task), "half": outputs(load(case, case["halfFolder"]), ids, task)}


def greedy(model, ids, new):
    """The likeliest continuation, of exactly `new` tokens."""
    start = model.config.decoder_start_token_id if model.config.is_encoder_decoder else None
    settings = transformers.GenerationConfig(max_new_tokens=new, do_sample=False, pad_token_id=0, decoder_start_token_id=start)
    model.generation_config = settings
    made = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=settings)
    return made[:, -new:].tolist()


def exchange(case, ids):
    """Their logits of our adapter, and an adapter of theirs."""
    ours = outputs(PeftModel.from_pretrained(load(case, case["folder"]), case["ours"]), ids, case["task"])
    theirs = get_peft_model(load(case, case["folder"]), LoraConfig(**case["adapter"]))
    randomize((p for p in theirs.parameters() if p.requires_grad), torch.Generator().manual_seed(5))
    theirs.save_pretrained(case["theirs"])
    return {"ours": ours, "theirs": outputs(theirs, ids, case["task"])}


def main():
    plan_path, result_path = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    ids = torch.tensor(plan["inputIds"])
    result = {case["name"]: make(case, ids) for case in plan["cases"]}
    print("made", flush=True)
    sys.stdin.readline()
    for case in plan["cases"]:
        result[case["name"]].update(exchange(case, ids))
        if case["newTokens"] > 0:
            result[case["name"]]["greedy"] = greedy(load(case, case["folder"]), ids, case["newTokens"])
    with open(result_path, "w") as file:
        json.dump(result, file)


main()
