/** The name of the hash of rows' lengths in an identity. */
export const LENGTHS = 'lengths of rows in tokens'
/** The name of the hash of what rows hold, where they come from no file whose hash is known. */
export const CONTENTS = 'ids and labels of rows'
