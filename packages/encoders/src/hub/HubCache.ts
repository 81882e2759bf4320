/**
 * The cache that the hub's libraries share, in the layout that the hub documents: a folder for each repository, with the
 * files by their content in `blobs`, the commits that branches and tags had in `refs`, and for each commit a tree of links
 * to blobs in `snapshots`. What another library has downloaded is found here, and the other way round.
 */
import { AtomicFile, Folder } from "@igm/io"
import { Effect, FileSystem, Path } from "effect"

/** A file of a repository of models at a commit. */
export interface Place {
  readonly cache: string
  readonly repo: string
  readonly file: string
  readonly commit: string
}

const COMMIT = /^[0-9a-f]{40}$/

/** True if a revision is a commit already, which no branch or tag can move. */
export const isCommit = (revision: string): boolean => COMMIT.test(revision)

/** True if a name is one of a repository, which alone becomes part of an address as it is. */
export const isRepo = (name: string): boolean => /^[\w.-]+(\/[\w.-]+)?$/.test(name) && isInside(name)

/** True if a file or revision names nothing outside its folder. */
export const isInside = (name: string): boolean =>
  !/[\\\p{Cc}]/u.test(name) && name.split("/").every((part) => part !== "" && part !== "." && part !== "..")

const folderName = (repo: string): string => `models--${repo.replaceAll("/", "--")}`

/** The path of the content with a hash. */
export const blob = (path: Path.Path, { cache, repo }: Pick<Place, "cache" | "repo">, hash: string): string =>
  path.join(cache, folderName(repo), "blobs", hash)

/** The folder whose lock the download of a content holds, beside those of the hub's libraries. */
export const lock = (path: Path.Path, { cache, repo }: Pick<Place, "cache" | "repo">, hash: string): string =>
  path.join(cache, ".locks", folderName(repo), `${hash}.igm`)

const snapshot = (path: Path.Path, { cache, repo, file, commit }: Place): string =>
  path.join(cache, folderName(repo), "snapshots", commit, file)

/** The path of a file, if it is there. */
export const find = Effect.fnUntraced(function* (place: Place) {
  const fs = yield* FileSystem.FileSystem
  const at = snapshot(yield* Path.Path, place)
  return (yield* fs.exists(at)) ? at : undefined
})

const ref = (path: Path.Path, { cache, repo }: Pick<Place, "cache" | "repo">, revision: string): string =>
  path.join(cache, folderName(repo), "refs", revision)

/** The commit that a branch or tag had when the hub was asked last. */
export const commitOf = Effect.fnUntraced(function* (place: Pick<Place, "cache" | "repo">, revision: string) {
  const fs = yield* FileSystem.FileSystem
  const at = ref(yield* Path.Path, place, revision)
  if (!(yield* fs.exists(at))) return undefined
  const commit = (yield* fs.readFileString(at)).trim()
  return isCommit(commit) ? commit : undefined
})

/** Remembers the commit of a branch or tag. */
export const remember = Effect.fnUntraced(function* (
  place: Pick<Place, "cache" | "repo">,
  revision: string,
  commit: string
) {
  yield* AtomicFile.write(ref(yield* Path.Path, place, revision), commit)
})

/** Shows a content as the file of a commit, and gives its path. */
export const link = Effect.fnUntraced(function* (place: Place, hash: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const at = snapshot(path, place)
  const content = blob(path, place, hash)
  yield* Folder.make(path.dirname(at))
  yield* fs.symlink(path.relative(path.dirname(at), content), at).pipe(
    // Where there are no symbolic links, a second name for the same file does as well.
    Effect.catch(() => fs.link(content, at)),
    // Another process may have been quicker.
    Effect.catch((error) => Effect.flatMap(fs.exists(at), (there) => (there ? Effect.void : Effect.fail(error))))
  )
  return at
})
