"""Python's side of the check of scaled positions: writes tiny random models, and gives logits and greedy text of short and long prompts.

Usage: python scaled_positions_side.py PLAN.json RESULT.json
"""

import json
import logging
import sys

import torch
import transformers

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
logging.disable(logging.WARNING)
torch.set_num_threads(1)  # the models are too small for more
SPREAD = 0.5  # of random weights: positions move every logit


def configure(own):
    """The configuration, as it is read from a file."""
    return transformers.CONFIG_MAPPING[own["model_type"]].from_dict(own)


def make(case):
    model = transformers.AutoModelForCausalLM.from_config(configure(dict(case["config"])), attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            shift = 1.0 if bool((parameter == 1).all()) else 0.0
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * SPREAD + shift)
    model.save_pretrained(case["folder"])
    with open(f"{case['folder']}/config.json", "w") as file:
        json.dump(case["config"], file)  # with the keys of the case, not those that transformers makes of them


def load(case):
    return transformers.AutoModelForCausalLM.from_pretrained(case["folder"], attn_implementation="eager").eval()


def read(case, ids):
    """Logits of the last token. A model of its own: what dynamic scaling has read before counts in transformers."""
    with torch.no_grad():
        return load(case)(input_ids=torch.tensor([ids])).logits[0, -1].tolist()


def continued(case, ids, new):
    settings = transformers.GenerationConfig(max_new_tokens=new, do_sample=False, pad_token_id=0, use_cache=case["usesCache"])
    model = load(case)
    model.generation_config = settings
    made = model.generate(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), generation_config=settings)
    return made[0, len(ids):].tolist()


def main():
    plan_path, result_path = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    result = {}
    for case in plan["cases"]:
        make(case)
        result[case["name"]] = {
            "logits": [read(case, ids) for ids in plan["texts"]],
            "made": continued(case, plan["texts"][0], plan["newTokens"]),
        }
    with open(result_path, "w") as file:
        json.dump(result, file)


main()
