/**
 * Files that operating systems and programs leave in folders and that are not data. Listings of data folders skip them.
 */
import { Effect, FileSystem } from "effect"

/**
 * Hidden files: names that start with a dot (`.DS_Store` and `._NAME` of macOS, `.nfs…` of NFS, `.~lock.…` of
 * programs).
 */
const HIDDEN = /^\./

/** Files and folders of Windows, of archives made by macOS, of network storage devices and of volumes. */
const SYSTEMS =
  /^(thumbs(:.*)?\.db|ehthumbs(_vista)?\.db|desktop\.ini|\$recycle\.bin|recycler|system volume information|__macosx|icon\r|network trash folder|temporary items|@eadir|@tmp|#recycle|#snapshot|syno(file|photo)_thumb.*|lost\+found)$/i

/** Files of editors and of transfers: backups, lock files and incomplete downloads. */
const PROGRAMS = /^~\$|^#.*#$|~$|\.(bak|old|orig|sw[a-p]|tmp|temp|part|partial|crdownload|download|filepart|lock)$/i

/** Tells if a file or folder with this name is a leftover. */
export const is = (name: string): boolean => [HIDDEN, SYSTEMS, PROGRAMS].some((pattern) => pattern.test(name))

/** Lists the names in a folder, in order and without leftovers. */
export const list = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* fs.readDirectory(folder)
  return names.filter((name) => !is(name)).toSorted()
})
