import { defineConfig } from "vitest/config"
import projects from "./vitest.workspace.ts"

// How many workers there are is said by `npm test`: vitest 5 takes one on two processors, whatever is said here.
export default defineConfig({ test: { projects } })
