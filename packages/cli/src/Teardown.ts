/** The end of the process when the command has ended: a program may have left timers or sockets that would keep it. */
import { Runtime } from "effect"

/** Ends the process with the command's exit code. */
export const teardown: Runtime.Teardown = (exit, onExit) =>
  Runtime.defaultTeardown(exit, (code) => {
    onExit(code)
    process.exit(code)
  })
