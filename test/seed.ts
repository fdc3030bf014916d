/**
 * The seed of everything random in `npm test`, so that a failure comes back. `npm run fuzz` takes another seed each
 * time.
 */
export const seed = Number(process.env['TEST_SEED'] ?? 20261120)
