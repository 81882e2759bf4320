/**
 * A process that decodes films and sounds with FFmpeg. It reads requests from its standard input, one line of JSON
 * each, and answers each on its standard output with a line of JSON that gives the number of bytes that follow. It has
 * one file open at a time, decodes only on request, and ends with its input.
 */
import { readSync, writeSync } from "node:fs"
import { Fault } from "./Libav.ts"
import * as Film from "./LibavFilm.ts"
import * as Sound from "./LibavSound.ts"
import * as Writer from "./LibavWriter.ts"

/** A request. The bytes to be written follow the request "write". */
export type Request =
  | { readonly do: "film"; readonly path: string; readonly pixels: Film.Pixels; readonly wanted: Film.Wanted }
  | { readonly do: "frames"; readonly most: number }
  | { readonly do: "count" }
  | { readonly do: "sound"; readonly path: string }
  | { readonly do: "samples"; readonly least: number }
  | { readonly do: "write"; readonly path: string; readonly media: Writer.Media; readonly bytes: number }
  | { readonly do: "close" }

/** The JSON of an answer; `bytes` bytes of data follow it. */
export interface Answer {
  readonly bytes: number
  readonly fault?: string
  readonly film?: Film.About
  readonly sound?: Sound.About
  readonly indices?: ReadonlyArray<number>
  readonly end?: boolean
  readonly count?: number
  /** Only in the answer to "close". */
  readonly pid?: number
}

const INPUT = 0
const OUTPUT = 1
const NEWLINE = 10

let ahead: Buffer = Buffer.alloc(0)

/** Reads more of the input; exits the process at its end. */
const more = () => {
  const buffer = Buffer.allocUnsafe(1 << 16)
  const count = readSync(INPUT, buffer)
  if (count === 0) process.exit()
  return buffer.subarray(0, count)
}

const line = (): string => {
  for (let end = ahead.indexOf(NEWLINE); ; end = ahead.indexOf(NEWLINE)) {
    if (end < 0) {
      ahead = Buffer.concat([ahead, more()])
      continue
    }
    const text = ahead.toString("utf8", 0, end)
    ahead = ahead.subarray(end + 1)
    return text
  }
}

const body = (bytes: number): Uint8Array => {
  const out = new Uint8Array(bytes)
  for (let at = 0; at < bytes;) {
    if (ahead.length === 0) ahead = more()
    const part = ahead.subarray(0, bytes - at)
    out.set(part, at)
    at += part.length
    ahead = ahead.subarray(part.length)
  }
  return out
}

const writeAll = (bytes: Uint8Array) => {
  for (let at = 0; at < bytes.length;) at += writeSync(OUTPUT, bytes, at)
}

let film: Film.Film | undefined
let sound: Sound.Sound | undefined

const close = () => {
  film?.close()
  sound?.close()
  film = undefined
  sound = undefined
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)

const NOTHING = new Uint8Array()

/** Carries out a request and gives the answer with its bytes. */
const answer = async (request: Request): Promise<readonly [Omit<Answer, "bytes">, Uint8Array]> => {
  switch (request.do) {
    case "film":
      close()
      film = Film.open(request.path, request.pixels, request.wanted)
      return [{ film: film.about }, NOTHING]
    case "frames": {
      const { bytes, ...chunk } = film!.next(request.most)
      return [chunk, bytes]
    }
    case "count":
      return [{ count: film!.count() }, NOTHING]
    case "sound":
      close()
      sound = await Sound.open(request.path)
      return [{ sound: sound.about }, NOTHING]
    case "samples": {
      const samples = sound!.next(request.least)
      return [{ end: samples.length < request.least }, bytesOf(samples)]
    }
    case "write":
      Writer.write(request.path, request.media, body(request.bytes))
      return [{}, NOTHING]
    case "close":
      close()
      return [{ pid: process.pid }, NOTHING]
  }
}

const faultOf = (error: unknown, asked: Request["do"]): string =>
  error instanceof Fault
    ? error.message
    : `this file cannot be ${asked === "write" ? "written" : "read"} (${(error as Error).message})`

for (;;) {
  const request = JSON.parse(line()) as Request
  let found: Awaited<ReturnType<typeof answer>>
  try {
    found = await answer(request)
  } catch (error) {
    close()
    found = [{ fault: faultOf(error, request.do) }, NOTHING]
  }
  writeAll(Buffer.from(`${JSON.stringify({ ...found[0], bytes: found[1].length } satisfies Answer)}\n`))
  writeAll(found[1])
}
