/** The name of the hash of rows' lengths in an identity: all that is known of rows that come from no file. */
export const LENGTHS = 'lengths of rows in tokens'
