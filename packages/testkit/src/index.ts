/** Conformance suites for backends and tuners. */
export {}
