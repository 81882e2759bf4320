/**
 * An error in a file's bytes, with a message for the user; the caller, which knows the file's path, turns it into a
 * `MediaError`.
 */
export class Refusal extends Error {}
