/** Formats times, durations and sizes for people. */

/** A time in milliseconds since 1970, in UTC to the second. */
export const time = (at: number): string => new Date(at).toISOString().replace("T", " ").replace(/\..*$/, "")

/** A duration in milliseconds: "0.4 s", "3 min 20 s", "2 h 5 min". */
export const duration = (milliseconds: number): string => {
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`
  const seconds = Math.round(milliseconds / 1000)
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const units = ["B", "kB", "MB", "GB", "TB"] as const

/** A number of bytes, in powers of 1000: "12 B", "3.4 MB". */
export const bytes = (count: number): string => {
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3))
  const text = power === 0 ? String(count) : (count / 1000 ** power).toFixed(1)
  return `${text} ${units[power]}`
}
