/**
 * The package sharp, which is opened when a first image is read or written: its library takes a tenth of the start of a
 * command or thread, and most of them do without it.
 */
import { createRequire } from "node:module"
import type { default as Sharp } from "sharp"

/** Opens the package; another time it is open already. */
export const open = (): typeof Sharp => createRequire(import.meta.url)("sharp") as typeof Sharp
