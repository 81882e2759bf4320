/** The memory of this process. */
import { readFileSync } from "node:fs"

/** The most resident memory so far, in bytes; Linux adds to `maxRSS` that of the process which started this one. */
export const most = (): number =>
  process.platform === "linux"
    ? Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1024
    : process.resourceUsage().maxRSS * 1024

/** The resident memory now, in bytes. */
export const now = (): number => process.memoryUsage.rss()
