/**
 * What a responder's Node is started with. It waits most of its life: a small heap and no optimizing compiler save more memory than the
 * compiler would ever save time.
 */
export const NODE_FLAGS = ['--no-opt', '--no-sparkplug', '--optimize-for-size', '--max-semi-space-size=1'] as const
