"""Python's side of the check of settings: writes folders whose generation_config.json has every key, also with odd values, and says what
transformers' generate makes of the file alone.

Usage: python settings_side.py ROOT RESULT.json
"""

import json
import logging
import os
import shutil
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
import transformers  # noqa: E402

from folders import LLAMA, edit_json, randomize  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
torch.set_num_threads(1)  # the model is too small for more

TOKENIZER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../fixtures/subset/data/tokenizers/bytelevel-bpe")
PROMPT = [65, 300, 270, 80]
LIKELY = 0  # stands for the first token of the plain text, where a case names one
FEW = {"max_new_tokens": 8}
VALUES = {
    "max_new_tokens": [1, 0, -1, "5", 5.0], "max_length": [3, 4, 5, 10, 0, -1], "min_length": [100, -1], "min_new_tokens": [20, 3, -1],
    "repetition_penalty": [1.3, 0.5, 1, 0, -1.0, "1.3"], "encoder_repetition_penalty": [1.3, 0], "no_repeat_ngram_size": [1, 2, 0, -1, 1.5],
    "encoder_no_repeat_ngram_size": [2, -1], "suppress_tokens": [[LIKELY], [], [-1], [10000], LIKELY], "begin_suppress_tokens": [[LIKELY], [], [10000]],
    "bad_words_ids": [[[LIKELY]], [[LIKELY, 5], [7]], [], [[]], [[10000]], [LIKELY]], "sequence_bias": [[[[LIKELY], -9.5]], [[[LIKELY], "a"]], []],
    "forced_bos_token_id": [5, 10000, -1], "forced_eos_token_id": [5, [5, 6], 10000], "eos_token_id": [LIKELY, [LIKELY, 3], [], -1, 10000, "2"],
    "pad_token_id": [10000, -1, 3], "bos_token_id": [10000], "do_sample": ["yes"], "temperature": [0.5, 0.0, 0, -1.0], "top_k": [0, 5, -1], "top_p": [0.5, 0.0, 1.5],
    "min_p": [0.1, 2.0], "typical_p": [0.2, 0.0], "epsilon_cutoff": [0.1, 2.0], "eta_cutoff": [0.1], "num_beams": [2, 3, 0, -1],
    "num_beam_groups": [2], "diversity_penalty": [0.5], "early_stopping": [True, "never", "maybe"], "length_penalty": [2.0], "num_return_sequences": [1, 2, 0],
    "penalty_alpha": [0.6, 0.0], "renormalize_logits": [True], "remove_invalid_values": [True], "stop_strings": ["e", ["e", "a"], "", [""], [], 5], "guidance_scale": [1.5, 1.0], "token_healing": [True], "watermarking_config": [{"greenlist_ratio": 0.5}],
    "cache_implementation": ["static", "none"], "use_cache": [False], "max_time": [1000.0], "dola_layers": ["low"], "constraints": [[]], "force_words_ids": [[[5]]],
    "prompt_lookup_num_tokens": [3], "return_dict_in_generate": [False], "output_scores": [False], "not_a_key": [5], "_from_model_config": [True],
    "transformers_version": ["4.1.0"], "assistant_early_exit": [1], "low_memory": [True],
}
DRAWN = {"do_sample": True, "top_k": 1}
OF_DRAWS = {
    "temperature": [0.5, 0.0, 0, -1.0, "1"], "top_k": [1, 0.5, "1"], "top_p": [0.5, 0.0, 1.5], "min_p": [0.1, 2.0, -0.1], "typical_p": [0.2, 0.0, 2.0],
    "epsilon_cutoff": [0.1, 2.0, -1.0], "eta_cutoff": [0.1, 2.0], "top_h": [0.5], "num_beams": [1], "repetition_penalty": [1.3],
}
ENDING = {"eos_token_id": 3}
OF_ENDS = {"exponential_decay_length_penalty": [[2, 1.5], [2], [2, 0.5]], "min_new_tokens": [3], "begin_suppress_tokens": [[3]]}
ALONE = {"max_length": [3, 4, 5, 10, -1], "max_new_tokens": [3]}
# In a config.json of before transformers 4.26, without another file.
OLD = [{"max_length": 9}, {"max_length": 9, "repetition_penalty": 1.3}, {"max_length": 9, "no_repeat_ngram_size": 1, "num_beams": 2}, {"max_length": 9, "suppress_tokens": [60]}]
TEXTS = {"null": "null", "a list": "[]", "half an object": "{", "no text": ""}


def files(likely):
    """Names and texts of the file."""
    for kind, base, values in (("", FEW, VALUES), ("drawn: ", {**FEW, **DRAWN}, OF_DRAWS), ("with an end: ", {**FEW, **ENDING}, OF_ENDS), ("alone: ", {}, ALONE)):
        for key, tried in values.items():
            for value in tried:
                yield f"{kind}{key} {json.dumps(value)}", json.dumps({**base, key: meant(key, value, likely)})
    yield "two lengths", json.dumps({"max_new_tokens": 3, "max_length": 20})
    yield "beams and penalties", json.dumps({**FEW, "num_beams": 3, "repetition_penalty": 1.5, "length_penalty": 0.5, "no_repeat_ngram_size": 2})
    for name, text in TEXTS.items():
        yield f"the file is {name}", text


def meant(key, value, likely):
    """The value with the likeliest token in the place of LIKELY."""
    if isinstance(value, list):
        return json.loads(json.dumps(value).replace("[0", f"[{likely}"))
    return likely if value == LIKELY and value is not False and key.endswith(("_tokens", "_token_id")) and key not in ALONE else value


def generated(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    stops = {} if model.generation_config.stop_strings is None else {"tokenizer": tokenizer}
    ids = torch.tensor([PROMPT])
    made = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **stops)
    ends = model.generation_config.eos_token_id
    return [row[:-1] if row[-1] in (ends if isinstance(ends, list) else [ends]) else row for row in made[:, len(PROMPT):].tolist()]


def measured(root):
    """All cases, each with the ids of its texts or why there are none."""
    base = f"{root}/settings"
    config = transformers.LlamaConfig(**{**LLAMA, "vocab_size": 600, "bos_token_id": None, "eos_token_id": None})
    model = transformers.LlamaForCausalLM(config).eval()
    randomize(model)
    model.save_pretrained(base)
    for name in os.listdir(TOKENIZER):
        if name.startswith("tokenizer"):
            shutil.copy(f"{TOKENIZER}/{name}", base)
    with open(f"{base}/generation_config.json", "w") as file:
        json.dump(FEW, file)
    plain = generated(base)
    likely = plain[0][0]
    cases = [{"name": "plain", "folder": base, "rows": plain}]
    named = [(name, text, None) for name, text in files(likely)] + [(f"in config.json: {json.dumps(keys)}", None, keys) for keys in OLD]
    for i, (name, text, keys) in enumerate(named):
        folder = f"{base}-{i}"
        shutil.copytree(base, folder)
        os.remove(f"{folder}/generation_config.json")
        if text is not None:
            with open(f"{folder}/generation_config.json", "w") as file:
                file.write(text)
        if keys is not None:
            edit_json(f"{folder}/config.json", **keys)
        try:
            found = {"rows": generated(folder)}
        except Exception as error:  # whatever it is: there is no text
            found = {"raises": f"{type(error).__name__}: {str(error)[:300]}"}
        cases.append({"name": name, "folder": folder, **found})
    return cases


def main():
    root, result = sys.argv[1:]
    cases = measured(root)
    with open(result, "w") as file:
        json.dump({"prompt": PROMPT, "cases": cases}, file)


main()
