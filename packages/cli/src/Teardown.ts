/**
 * The end of the process when the command has ended: a program may have left timers or sockets that would keep it, and a
 * model that never comes to an end keeps the thread that it runs on, for which Node would wait.
 */
import { Runtime } from "effect"
import { spawn } from "node:child_process"

/** Milliseconds that the process may take to end once it has nothing left to do. */
const PATIENCE = 3000

/** Kills the process named by its number, unless that ends itself before; its child, which sees by its parent whether it has. */
const watch = `
const parent = Number(process.argv[1])
setInterval(() => process.ppid === parent || process.exit(), 100)
setTimeout(() => { process.kill(parent, "SIGKILL"); process.exit() }, ${PATIENCE})
`

/** What a process ends with that was stopped by SIGINT or SIGTERM. */
const STOPPED = 130

/** Ends the process with the command's exit code. */
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
