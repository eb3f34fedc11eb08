"""Python's side of the check of generation: writes tiny random checkpoints, and continues prompts as transformers does.

Usage: python generation_side.py PLAN.json RESULT.json
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
SPREAD = 0.6  # of random weights: no token is sure, none is hopeless
PADDING = 0


def make(config, folder):
    """A random model, written as save_pretrained does."""
    model_class = transformers.AutoModelForSeq2SeqLM if config["model_type"] in ("t5", "bart") else transformers.AutoModelForCausalLM
    model = model_class.from_config(transformers.AutoConfig.for_model(**config), attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            shift = 1.0 if bool((parameter == 1).all()) else 0.0
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * SPREAD + shift)
    model.save_pretrained(folder)
    return model


def padded(prompts, side):
    """Token ids and their mask, (rows, longest)."""
    longest = max(len(prompt) for prompt in prompts)
    fill = lambda row, value: [value] * (longest - len(row)) + row if side == "left" else row + [value] * (longest - len(row))
    return torch.tensor([fill(row, PADDING) for row in prompts]), torch.tensor([fill([1] * len(row), 0) for row in prompts])


def generate(model, case):
    """New tokens of every sequence up to its end, and their scores where beams have some."""
    both = model.config.is_encoder_decoder
    ids, mask = padded(case["prompts"], "right" if both else "left")
    start = {"decoder_start_token_id": model.config.decoder_start_token_id} if both else {}
    settings = transformers.GenerationConfig(**case["settings"], **start, eos_token_id=case["ends"], pad_token_id=PADDING)
    model.generation_config = transformers.GenerationConfig()
    torch.manual_seed(5)
    made = model.generate(
        input_ids=ids, attention_mask=mask, generation_config=settings, return_dict_in_generate=True, output_scores=True
    )
    read = 1 if both else ids.shape[1]
    rows = []
    for row in made.sequences[:, read:].tolist():
        end = next((i + 1 for i, token in enumerate(row) if token in case["ends"]), len(row))
        rows.append(row[:end])
    scores = getattr(made, "sequences_scores", None)
    return {"rows": rows, "scores": None if scores is None else scores.tolist()}


def main():
    plan_path, result_path = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    models = {name: make(each["config"], each["folder"]) for name, each in plan["models"].items()}
    result = {case["name"]: generate(models[case["model"]], case) for case in plan["cases"]}
    with open(result_path, "w") as file:
        json.dump(result, file)


main()
