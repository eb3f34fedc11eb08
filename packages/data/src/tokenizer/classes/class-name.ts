/**
 * Which class of transformers makes a tokenizer, chosen as AutoTokenizer does: by tokenizer_config.json and the `model_type` of
 * config.json. A class that builds a pipeline which is not here is refused by its name. Source: tokenization_auto.py of transformers 5.18.
 */
import { EspalierError } from '@espalier/core'
import type { JsonObject } from '../json-value.js'
import { bytePairClasses } from './byte-pair-classes.js'
import { classOfModelType, givesClass, takesOwnClass } from './model-types.js'
import type { TokenizerClass } from './pipeline.js'
import { unigramClasses } from './unigram-classes.js'
import { wordPieceClasses } from './word-piece-classes.js'

/** A class with its name. */
export interface ChosenClass {
  readonly name: string
  readonly builder: TokenizerClass
}

/** The name of transformers' class for a tokenizer whose file alone decides. */
export const FILE_DECIDES = 'PreTrainedTokenizerFast'

/**
 * The class of a tokenizer; undefined where tokenizer.json alone decides. config: tokenizer_config.json; model: config.json.
 * Throws config.unsupported for a class that is not here.
 */
export function chosenClass(config: JsonObject, model: JsonObject): ChosenClass | undefined {
  const name = chosenName(config, model)
  if (name === undefined) return undefined
  const builder = Object.hasOwn(builders, name) ? builders[name] : undefined
  if (builder !== undefined) return { name, builder }
  if (elsewhere.has(name)) throw notHere(name)
  return undefined // as transformers: a name that it does not know leaves the file as it is
}

/** The name of the class that tokenizer_config.json alone would choose, undefined where tokenizer.json would decide. */
export function chosenAlone(config: JsonObject): string | undefined {
  const name = chosenName(config, {})
  return name !== undefined && (Object.hasOwn(builders, name) || elsewhere.has(name)) ? name : undefined
}

const builders: Readonly<Record<string, TokenizerClass>> = {
  ...bytePairClasses,
  ...unigramClasses,
  ...wordPieceClasses,
}

function chosenName(config: JsonObject, model: JsonObject): string | undefined {
  const written = [config.tokenizer_class, model.tokenizer_class].find(
    (name) => typeof name === 'string' && name !== '',
  )
  const named = (written as string | undefined)?.replace(/Fast$/, '')
  const ofModel = typeof model.model_type === 'string' ? classOfModelType(model.model_type) : undefined
  if (named === undefined) return ofModel !== undefined && givesClass(model.model_type as string) ? ofModel : undefined
  if (ofModel === undefined || ofModel === named) return named
  if (ofModel === FILE_DECIDES) return undefined
  return takesOwnClass(model.model_type as string) ? ofModel : named
}

// Classes of transformers 5.18 with a pipeline of their own that none of the above is.
const elsewhere = new Set(
  `Barthez Bartpho BertGeneration BertJapanese Bertweet BigBird BioGpt Blenderbot BlenderbotSmall ByT5 CTRL Canine Clvp Cpm
  CpmAnt DPRContextEncoder DPRQuestionEncoder DPRReader Dia Esm Esmc FSMT FastSpeech2Conformer Flaubert Funnel GPTNeoXJapanese GPTSw3
  Lasr LayoutLMv2 LayoutLMv3 LayoutXLM Luke M2M100 MBart MBart50 MLuke Marian MarkupLM Mgpstr MyT5 Nllb Nougat PLBart Pegasus
  Perceiver Phobert Pop2Piano ProphetNet Rag Reformer RemBert RoCBert RoFormer SeamlessM4T Siglip Siglip2 Speech2Text SpeechT5 Splinter
  Tapas Tipsv2 Udop VideoPrism Vits Wav2Vec2CTC Wav2Vec2PhonemeCTC Whisper XGLM XLM XLNet`
    .split(/\s+/)
    .map((name) => `${name}Tokenizer`),
)

function notHere(name: string): EspalierError {
  return new EspalierError('config.unsupported', {
    what: 'this class of tokenizers builds its own pipeline in transformers, and that is not here',
    got: { tokenizer_class: name, known: Object.keys(builders) },
    fix: `Use a tokenizer of another class. Where tokenizer.json alone is right, set tokenizer_class to "${FILE_DECIDES}" in tokenizer_config.json, for Python too.`,
  })
}
