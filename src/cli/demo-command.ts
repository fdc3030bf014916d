export async function demoCommand(): Promise<void> {
  throw new Error('not yet')
}
