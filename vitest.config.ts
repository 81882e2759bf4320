import { defineConfig } from "vitest/config"
import projects from "./vitest.workspace.ts"

// How many workers there are is said by `npm test`: vitest 5 takes one on two processors, whatever is said here. Rooms whose
// tests leave nothing behind share a worker's modules (isolate: false), which saves a fifth of the processors' time.
export default defineConfig({ test: { projects } })
