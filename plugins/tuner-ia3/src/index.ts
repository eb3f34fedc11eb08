/** IA3: learned rescaling of keys, values and feed-forward activations. */
export {}
