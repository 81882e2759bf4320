/** The part of yauzl that is used here; the package has no types of its own. */
declare module "yauzl" {
  export interface Entry {
    readonly fileName: string
    readonly fileNameRaw: Buffer
    readonly compressionMethod: number
    readonly uncompressedSize: number
    readonly crc32: number
    isEncrypted(): boolean
  }

  export interface LocalFileHeader {
    readonly fileDataStart: number
    readonly fileName: Buffer
  }

  export interface ZipFile {
    readonly entryCount: number
    eachEntry(): AsyncIterable<Entry>
    readLocalFileHeaderPromise(entry: Entry): Promise<LocalFileHeader>
  }

  export type Callback = (error: unknown, bytesRead?: number) => void

  export class RandomAccessReader {
    read(buffer: Buffer, offset: number, length: number, position: number, callback: Callback): void
  }

  export const fromRandomAccessReaderPromise: (
    reader: RandomAccessReader,
    totalSize: number,
    options: { readonly autoClose: boolean }
  ) => Promise<ZipFile>
}
