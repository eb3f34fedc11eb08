/** Sentences with gaps for who gives, what, and to whom. A template is a beginning, a middle and an end; held-out ones share no part with training. */

/** Parts of templates. */
export interface Templates {
  readonly beginnings: readonly string[]
  /** With the gaps <giver>, <gift> and <taker>. */
  readonly middles: readonly string[]
  readonly ends: readonly string[]
}

/** Templates of training rows. */
export const TRAIN_TEMPLATES: Templates = {
  beginnings: [
    'Then',
    'And it came to pass that',
    'Now in those days',
    'And on the morrow',
    'In the morning',
    'After these things',
    'At that time',
    'So',
    'When the war was ended,',
    'And behold,',
    'In the third year',
    'By the well of water',
    'And the people saw that',
    'Also',
  ],
  middles: [
    '<giver> gave the <gift> unto <taker>',
    '<giver> gave the <gift> to <taker>',
    '<giver> sent the <gift> to <taker>',
    '<giver> brought the <gift> unto <taker>',
    '<giver> sold the <gift> unto <taker>',
    '<giver> delivered the <gift> into the hand of <taker>',
    '<giver> put the <gift> in the hand of <taker>',
    '<giver> carried the <gift> to the house of <taker>',
    '<giver> took the <gift> and gave it to <taker>',
    '<giver> rose up and shewed the <gift> unto <taker>',
    'unto <taker> did <giver> give the <gift>',
    'unto <taker> did <giver> bring the <gift>',
    'to <taker> was the <gift> given by <giver>',
    'the <gift> was given unto <taker> by <giver>',
    'the <gift> was sold to <taker> by <giver>',
    '<taker> received the <gift> from <giver>',
    '<taker> had the <gift> from <giver>',
    '<taker> took the <gift> from the hand of <giver>',
  ],
  ends: [
    '.',
    ', and departed.',
    ', and went his way.',
    ', and all the people rejoiced.',
    ' in the field.',
    ' before the king.',
    ' that day.',
    ' with gladness.',
    ', as it was written.',
    ' by night.',
  ],
}

/** Templates of held-out rows. */
export const HELD_OUT_TEMPLATES: Templates = {
  beginnings: [
    'And at even',
    'In the seventh month',
    'Now after many days',
    'Moreover',
    'And it was told the king that',
  ],
  middles: [
    '<giver> offered the <gift> unto <taker>',
    '<giver> bare the <gift> to <taker>',
    '<giver> left the <gift> in the hand of <taker>',
    '<giver> found the <gift> and sent it unto <taker>',
    'unto <taker> did <giver> send the <gift>',
    'the <gift> was brought unto <taker> by <giver>',
    '<taker> bought the <gift> from <giver>',
  ],
  ends: [', and returned home.', ' at the gate.', ', and wept.', ' in the sight of the elders.', ' in the winter.'],
}
