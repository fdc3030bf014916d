/**
 * The seed of whatever is random in `npm test`, so that a failure comes back and is nobody else's; `npm run fuzz` takes
 * another each time.
 */
export const seed = Number(process.env['TEST_SEED'] ?? 20261120)
