/** Sentences with gaps for who, what, how many and where. A template is a beginning, a middle and an end; held-out ones share no part with training. */

/** Parts of templates. */
export interface Templates {
  readonly beginnings: readonly string[]
  /** With the gaps <name>, <count>, <thing> and <place>. */
  readonly middles: readonly string[]
  readonly ends: readonly string[]
}

/** Templates of training rows. */
export const TRAIN_TEMPLATES: Templates = {
  beginnings: [
    'And it came to pass that',
    'Then',
    'Now in those days',
    'In the morning',
    'After these things',
    'At that time',
    'So',
    'And behold,',
    'In the third year',
    'Also',
    'By the well of water',
  ],
  middles: [
    '<name> gave <count> <thing> in <place>',
    '<name> had <count> <thing> at <place>',
    '<name> brought <count> <thing> out of <place>',
    '<name> took <count> <thing> and came to <place>',
    '<name> sent <count> <thing> unto <place>',
    'in <place> did <name> number <count> <thing>',
    'out of <place> came <name> with <count> <thing>',
    '<count> <thing> were given to <name> in <place>',
    '<count> <thing> were found with <name> at <place>',
    'there were with <name> in <place> <count> <thing>',
    'the king of <place> gave unto <name> <count> <thing>',
    '<name> went down to <place> and bought <count> <thing>',
    '<name> lost <count> <thing> in <place>',
    '<name> shewed <count> <thing> to all <place>',
    '<count> <thing> came from <place> with <name>',
    'from <place> <name> fetched <count> <thing>',
    '<name> the prince of <place> took <count> <thing>',
    'at <place> were <count> <thing> which <name> bought',
    'the women of <place> hid <count> <thing> from <name>',
    '<name> buried <count> <thing> nigh unto <place>',
  ],
  ends: [
    '.',
    ', and departed.',
    ' that day.',
    ', as it was written.',
    ' before the king.',
    ', and all the people rejoiced.',
    ' with gladness.',
  ],
}

/** Templates of held-out rows. */
export const HELD_OUT_TEMPLATES: Templates = {
  beginnings: ['And at even', 'Moreover', 'Now after many days', 'In the seventh month'],
  middles: [
    '<name> offered <count> <thing> at <place>',
    '<name> carried <count> <thing> from <place>',
    'at <place> did <name> leave <count> <thing>',
    '<count> <thing> were brought unto <name> from <place>',
    'the men of <place> sold <count> <thing> to <name>',
  ],
  ends: [', and returned home.', ' at the gate.', ' in the winter.', ', and wept.'],
}
