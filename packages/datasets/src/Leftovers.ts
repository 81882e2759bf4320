/**
 * Files that systems and programs leave in folders and that nobody means as data: wherever a folder is listed, they are not there.
 */
import { Effect, FileSystem } from "effect"

/** Names that start with a dot (of macOS `.DS_Store` and `._NAME`, of NFS `.nfs…`, of programs `.~lock.…`), and … */
const HIDDEN = /^\./

/** … those of Windows, of macOS archives, of network storages, and of volumes, … */
const SYSTEMS =
  /^(thumbs(:.*)?\.db|ehthumbs(_vista)?\.db|desktop\.ini|\$recycle\.bin|recycler|system volume information|__macosx|icon\r|network trash folder|temporary items|@eadir|@tmp|#recycle|#snapshot|syno(file|photo)_thumb.*|lost\+found)$/i

/** … and what editors and transfers leave: backups, locks, and files that are not all there. */
const PROGRAMS = /^~\$|^#.*#$|~$|\.(bak|old|orig|sw[a-p]|tmp|temp|part|partial|crdownload|download|filepart|lock)$/i

/** Whether a name is one of a file or folder that is left behind. */
export const is = (name: string): boolean => [HIDDEN, SYSTEMS, PROGRAMS].some((pattern) => pattern.test(name))

/** The names in a folder without those, in their order. */
export const list = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* fs.readDirectory(folder)
  return names.filter((name) => !is(name)).toSorted()
})
