/** The part of yauzl that is used here, with its types: the package has none of its own. */
// @ts-expect-error It has no declarations, wherever a program that uses this is checked.
import * as untyped from "yauzl"

export interface Entry {
  readonly fileName: string
  readonly fileNameRaw: Buffer
  readonly compressionMethod: number
  readonly uncompressedSize: number
  readonly crc32: number
  isEncrypted(): boolean
}

interface LocalFileHeader {
  readonly fileDataStart: number
  readonly fileName: Buffer
}

export interface ZipFile {
  readonly entryCount: number
  eachEntry(): AsyncIterable<Entry>
  readLocalFileHeaderPromise(entry: Entry): Promise<LocalFileHeader>
}

export type Callback = (error: unknown, bytesRead?: number) => void

interface Reader {
  read(buffer: Buffer, offset: number, length: number, position: number, callback: Callback): void
}

interface Yauzl {
  readonly RandomAccessReader: new () => Reader
  readonly fromRandomAccessReaderPromise: (
    reader: Reader,
    totalSize: number,
    options: { readonly autoClose: boolean }
  ) => Promise<ZipFile>
}

export const { RandomAccessReader, fromRandomAccessReaderPromise }: Yauzl = untyped
