/** What is wrong with a file, in words for its user, where its bytes are read; who knows the file's path makes an error of it. */
export class Refusal extends Error {}
