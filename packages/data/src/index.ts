/** Tokenizers, chat templates, data sets, tokenization for training, and batches. What stands here is public. */
export type { ChatTemplateOptions, Message, MessagePart } from './tokenizer/chat-template.js'
export { checkTokenizerFits } from './tokenizer/check-fit.js'
export type { Detokenizer } from './tokenizer/detokenizer.js'
export type { Encoding, PaddingStrategy } from './tokenizer/padding.js'
export {
  type BatchEncoding,
  type DecodeOptions,
  type EncodeOptions,
  type TextInput,
  Tokenizer,
} from './tokenizer/tokenizer.js'
export { type ReadTokenizerFile, tokenizerFileNames } from './tokenizer/tokenizer-files.js'
export type { TruncationStrategy } from './tokenizer/truncation.js'
