/** Tokenizers, chat templates, data sets and collators. */
export {}
