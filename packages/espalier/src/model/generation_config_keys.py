"""Writes the keys of transformers' GenerationConfig.

Usage: python generation_config_keys.py > generation-config-keys.json
"""

import json

import transformers

keys = sorted(vars(transformers.GenerationConfig()))
print(json.dumps({"transformers": transformers.__version__, "keys": keys}, indent=2))
