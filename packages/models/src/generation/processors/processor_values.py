"""Writes processor-values.json: what the processors and warpers of transformers make of a row of logits. Run with transformers 5.18."""

import json
import sys

import torch
from transformers.generation import logits_process as p

LOGITS = [1.5, -0.5, 2.0, 0.25, -2.0, 0.75, -1.0, 1.0]
IDS = [0, 2, 5, 2, 5]
SOURCE = [3, 2, 5, 6, 1]
END = torch.tensor([6, 7])

processors = {
    "repetitionPenalty 1.8": p.RepetitionPenaltyLogitsProcessor(1.8),
    "encoderRepetitionPenalty 1.5": p.EncoderRepetitionPenaltyLogitsProcessor(1.5, torch.tensor([SOURCE])),
    "noRepeatNgramSize 1": p.NoRepeatNGramLogitsProcessor(1),
    "noRepeatNgramSize 2": p.NoRepeatNGramLogitsProcessor(2),
    "noRepeatNgramSize 3": p.NoRepeatNGramLogitsProcessor(3),
    "encoderNoRepeatNgramSize 2": p.EncoderNoRepeatNGramLogitsProcessor(2, torch.tensor([SOURCE])),
    "encoderNoRepeatNgramSize 3": p.EncoderNoRepeatNGramLogitsProcessor(3, torch.tensor([SOURCE])),
    "badWordsIds [[1],[2,5,3],[5,2,4],[6]]": p.NoBadWordsLogitsProcessor([[1], [2, 5, 3], [5, 2, 4], [6]], END),
    "sequenceBias [[[1],0.5],[[2,5,3],-2.5],[[5,2,4],1.5]]": p.SequenceBiasLogitsProcessor(
        [[[1], 0.5], [[2, 5, 3], -2.5], [[5, 2, 4], 1.5]]
    ),
    "minLength 5": p.MinLengthLogitsProcessor(5, END),
    "minLength 6": p.MinLengthLogitsProcessor(6, END),
    "minNewTokens 2": p.MinNewTokensLengthLogitsProcessor(3, 2, END),
    "minNewTokens 3": p.MinNewTokensLengthLogitsProcessor(3, 3, END),
    "forcedEosTokenId 4": p.ForcedEOSTokenLogitsProcessor(6, 4),
    "exponentialDecayLengthPenalty [1,1.5]": p.ExponentialDecayLengthPenalty((1, 1.5), END, 3),
    "exponentialDecayLengthPenalty [2,1.5]": p.ExponentialDecayLengthPenalty((2, 1.5), END, 3),
    "suppressTokens [2,7]": p.SuppressTokensLogitsProcessor([2, 7]),
}
warpers = {
    "minP 0.3": p.MinPLogitsWarper(0.3),
    "typicalP 0.2": p.TypicalLogitsWarper(0.2),
    "typicalP 0.6": p.TypicalLogitsWarper(0.6),
    "typicalP 0.9": p.TypicalLogitsWarper(0.9),
    "epsilonCutoff 0.1": p.EpsilonLogitsWarper(0.1),
    "epsilonCutoff 0.9": p.EpsilonLogitsWarper(0.9),
    "etaCutoff 0.1": p.EtaLogitsWarper(0.1),
    "etaCutoff 0.3": p.EtaLogitsWarper(0.3),
}


def row(processor):
    scores = processor(torch.tensor([IDS]), torch.tensor([LOGITS]))[0].tolist()
    return [None if score == float("-inf") else score for score in scores]


json.dump(
    {
        "logits": LOGITS,
        "ids": IDS,
        "source": SOURCE,
        "ends": END.tolist(),
        "promptLength": 3,
        "processed": {name: row(processor) for name, processor in processors.items()},
        "warped": {name: row(warper) for name, warper in warpers.items()},
    },
    sys.stdout,
)
