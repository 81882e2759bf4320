/**
 * Ends the process after the command: a program may have left timers or sockets open, and a computation that never ends
 * keeps its thread, for which Node would wait.
 */
import { Runtime } from "effect"
import { spawn } from "node:child_process"

/** The time in milliseconds that the process may take to exit once the command has ended. */
const PATIENCE = 3000

/** The script of a child process that kills its parent by its id after the patience, unless it has exited before. */
const watch = `
const parent = Number(process.argv[1])
setInterval(() => process.ppid === parent || process.exit(), 100)
setTimeout(() => { process.kill(parent, "SIGKILL"); process.exit() }, ${PATIENCE})
`

/** The exit code of a process that was stopped by SIGINT or SIGTERM. */
const STOPPED = 130

/** Exits the process with the command's exit code. */
export const teardown: Runtime.Teardown = (exit, onExit) =>
  Runtime.defaultTeardown(exit, (code) => {
    if (code === STOPPED) {
      spawn(process.execPath, ["-e", watch, String(process.pid)], { stdio: "ignore", detached: true })
        // Without a watcher the process ends as it can.
        .on("error", () => {})
        .unref()
    }
    onExit(code)
    process.exit(code)
  })
