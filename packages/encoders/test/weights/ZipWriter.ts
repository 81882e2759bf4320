/** A zip archive of files stored as they are; with 64-bit sizes where asked for. */
import { crc32 } from "node:zlib"
import { type Bytes, little } from "./Pickled.ts"

export interface File {
  readonly name: string
  readonly bytes: Uint8Array
  /** Another checksum than the right one. */
  readonly crc?: number
  readonly method?: number
  /** Another name in the archive's directory. */
  readonly listed?: string
}

const ALL = 0xffffffff

export const zip = (files: ReadonlyArray<File>, { zip64 = false } = {}): Uint8Array => {
  const parts: Array<Bytes | Uint8Array> = []
  const directory: Array<Bytes> = []
  let at = 0
  const add = (part: Bytes | Uint8Array) => {
    parts.push(part)
    at += part.length
  }
  for (const { name, bytes, crc = crc32(bytes), method = 0, listed = name } of files) {
    const start = at
    const raw = [...new TextEncoder().encode(name)]
    const named = [...new TextEncoder().encode(listed)]
    const common = [...little(0x0800, 2), ...little(method, 2), ...little(0, 4), ...little(crc, 4)]
    const size = little(bytes.length, 4)
    add([
      ...little(0x04034b50, 4),
      ...little(20, 2),
      ...common,
      ...size,
      ...size,
      ...little(raw.length, 2),
      0,
      0,
      ...raw
    ])
    add(bytes)
    const wide = zip64 ? [1, 0, 24, 0, ...[bytes.length, bytes.length, start].flatMap((n) => little(n, 8))] : []
    const [length, offset] = zip64 ? [ALL, ALL] : [bytes.length, start]
    directory.push([
      ...little(0x02014b50, 4),
      ...little(20, 2),
      ...little(20, 2),
      ...common,
      ...little(length, 4),
      ...little(length, 4),
      ...little(named.length, 2),
      ...little(wide.length, 2),
      ...Array.from({ length: 10 }, () => 0),
      ...little(offset, 4),
      ...named,
      ...wide
    ])
  }
  const start = at
  const entries = directory.flat()
  add(entries)
  if (zip64) {
    const end = at
    const counts = [...little(files.length, 8), ...little(files.length, 8)]
    const versions = [...little(45, 2), ...little(45, 2), ...little(0, 8)]
    add([
      ...little(0x06064b50, 4),
      ...little(44, 8),
      ...versions,
      ...counts,
      ...little(entries.length, 8),
      ...little(start, 8)
    ])
    add([...little(0x07064b50, 4), ...little(0, 4), ...little(end, 8), ...little(1, 4)])
  }
  const count = little(zip64 ? 0xffff : files.length, 2)
  add([...little(0x06054b50, 4), 0, 0, 0, 0, ...count, ...count, ...little(entries.length, 4)])
  add([...little(zip64 ? ALL : start, 4), 0, 0])
  return Uint8Array.from(Buffer.concat(parts.map((part) => Uint8Array.from(part))))
}
