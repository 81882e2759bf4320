/** An assembler of pickles: each function gives the bytes of one operation, or of a few that belong together. */
export type Bytes = ReadonlyArray<number>

const utf8 = (text: string): Bytes => [...new TextEncoder().encode(text)]

export const little = (value: number | bigint, length: number): Bytes =>
  Array.from({ length }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n))

export const proto = (version = 2): Bytes => [0x80, version]
const stop: Bytes = [0x2e]
export const pop: Bytes = [0x30]
export const none: Bytes = [0x4e]
export const reduce: Bytes = [0x52]
export const newobj: Bytes = [0x81]
export const build: Bytes = [0x62]
export const persistent: Bytes = [0x51]
export const bool = (value: boolean): Bytes => [value ? 0x88 : 0x89]
export const int = (value: number): Bytes => [0x4a, ...little(value, 4)]
export const long = (value: bigint, length: number): Bytes => [0x8a, length, ...little(value, length)]
export const str = (text: string): Bytes => [0x58, ...little(utf8(text).length, 4), ...utf8(text)]
/** A string of Python 2. */
export const str2 = (text: string): Bytes => [0x55, utf8(text).length, ...utf8(text)]
export const global = (module: string, name: string): Bytes => [0x63, ...utf8(`${module}\n${name}\n`)]
export const tuple = (...items: ReadonlyArray<Bytes>): Bytes => [0x28, ...items.flat(), 0x74]
export const list = (...items: ReadonlyArray<Bytes>): Bytes => [0x5d, 0x28, ...items.flat(), 0x65]
export const dict = (...items: ReadonlyArray<readonly [Bytes, Bytes]>): Bytes => [0x7d, 0x28, ...items.flat(2), 0x75]
export const put = (index: number): Bytes => [0x71, index]
export const get = (index: number): Bytes => [0x68, index]

/** A pickle of protocol 2 that leaves one value. */
export const pickle = (value: Bytes): Uint8Array => Uint8Array.from([...proto(), ...value, ...stop])
