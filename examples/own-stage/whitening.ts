/**
 * PCA whitening: z = (Λ + ε)^(−1/2) Qᵀ (x − μ). μ is the mean of the features x, and Λ and Q are the largest eigenvalues of
 * their covariance C and its eigenvectors, which subspace iteration finds: Q ← the orthonormal basis of C Q, again and again.
 */
import { Tensor } from "@igm/tensor"
import { Effect, Random, Schema } from "effect"

const Matrix = Schema.Array(Schema.Array(Schema.Finite))

type Matrix = typeof Matrix.Type

/**
 * The state of the iteration: the number of completed rounds, and a basis (k × n, a vector per row) of each modality.
 */
export const Iteration = Schema.Struct({ rounds: Schema.Int, bases: Schema.Record(Schema.String, Matrix) })

/** The whitening of one modality: μ (n) and (Λ + ε)^(−1/2) Qᵀ (k × n). */
const Whitening = Schema.Struct({ mean: Schema.Array(Schema.Finite), matrix: Matrix })

/** The whitening of two modalities. */
export const Whitenings = Schema.Struct({ audio: Whitening, image: Whitening })

const dot = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** The mean (n) and the covariance (n × n) of features. */
export const momentsOf = (features: Tensor.Tensor<"float32">) => {
  const [columns, count] = [Tensor.columns(features), features.shape[0]!]
  const mean = columns.map((column) => column.reduce((sum, x) => sum + x, 0) / count)
  const centred = columns.map((column, j) => column.map((x) => x - mean[j]!))
  return { mean, covariance: centred.map((a) => centred.map((b) => dot(a, b) / count)) }
}

/** A random matrix (k × n) to begin with. */
export const draw = (k: number, n: number) => Effect.replicateEffect(Effect.replicateEffect(Random.next, n), k)

/** One round: the basis times the covariance, made orthonormal row by row (modified Gram–Schmidt). */
export const round = (covariance: Matrix, basis: Matrix): Matrix => {
  const done: Array<ReadonlyArray<number>> = []
  for (const row of basis) {
    let v = covariance.map((column) => dot(column, row))
    for (const q of done) {
      const along = dot(v, q)
      v = v.map((x, i) => x - along * q[i]!)
    }
    const norm = Math.sqrt(dot(v, v))
    done.push(v.map((x) => x / norm))
  }
  return done
}

/** The whitening by a basis of eigenvectors, whose eigenvalues are λ = qᵀ C q. */
export const of = ({ mean, covariance }: ReturnType<typeof momentsOf>, basis: Matrix, epsilon: number) => ({
  mean,
  matrix: basis.map((q) => {
    const image = covariance.map((column) => dot(column, q))
    const deviation = Math.sqrt(dot(q, image) + epsilon)
    return q.map((x) => x / deviation)
  })
})

/** Features (m × n) whitened (m × k). */
export const apply = (features: Tensor.Tensor<"float32">, { mean, matrix }: typeof Whitening.Type) => {
  const centred = Tensor.rows(features).map((row) => row.map((x, j) => x - mean[j]!))
  return Tensor.float32(
    [centred.length, matrix.length],
    centred.flatMap((row) => matrix.map((q) => dot(q, row)))
  )
}
