/** A label that does not count: torch's `ignore_index`, which transformers and TRL write into labels. */
export const IGNORED = -100
