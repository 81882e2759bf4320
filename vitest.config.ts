import { defineConfig } from "vitest/config"
import projects from "./vitest.workspace.ts"

// Much of a test is waiting, for files and for other processes: on two processors one worker, the default, leaves one idle.
export default defineConfig({ test: { projects, maxWorkers: "100%" } })
