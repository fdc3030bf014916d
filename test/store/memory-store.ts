/** A store in memory, for tests of what is above it. test/fleet has the real one. */
import { Failure } from '../../src/failure.js'
import type { Store, Topic } from '../../src/store/store.js'

export interface MemoryStore {
  entries: Map<string, string>
  nodes: Map<string, string>
  visits: Map<string, Map<string, string>>
  now: () => number
  /** Whether it answers. */
  isThere: boolean
  /** Connects a client, which hears of what others tell about these topics. */
  connect(topics: readonly Topic[]): (onTold: () => void) => Promise<Store>
}

export function memoryStore(now: () => number): MemoryStore {
  const listeners = new Map<() => void, readonly Topic[]>()
  const store: MemoryStore = {
    ...{ entries: new Map(), nodes: new Map(), visits: new Map(), now, isThere: true },
    connect: (topics) => (onTold) => {
      listeners.set(onTold, topics)
      return act(() => client(onTold))
    },
  }
  return store

  function act<Result>(task: () => Result): Promise<Result> {
    return store.isThere
      ? Promise.resolve(task())
      : Promise.reject(new Failure('store-unreachable', 'the store does not answer'))
  }

  function client(onTold: () => void): Store {
    const put = (map: Map<string, string>, members: ReadonlyMap<string, string>) => {
      for (const [name, value] of members) map.set(name, value)
    }
    return {
      read: () => act(() => ({ now: store.now(), entries: new Map(store.entries), nodes: new Map(store.nodes) })),
      putEntries: (entries) => act(() => put(store.entries, entries)),
      removeEntries: (ids) => act(() => ids.forEach((id) => store.entries.delete(id))),
      putNode: (id, sealed) => act(() => void store.nodes.set(id, sealed)),
      removeNodes: (ids) => act(() => ids.forEach((id) => store.nodes.delete(id))),
      putVisits: (entry, node, sealed) =>
        act(() => void store.visits.set(entry, new Map(store.visits.get(entry)).set(node, sealed))),
      readVisits: (entry) => act(() => store.visits.get(entry) ?? new Map<string, string>()),
      removeVisits: (entry) => act(() => void store.visits.delete(entry)),
      tell: (topic) =>
        act(() => {
          for (const [listener, topics] of listeners) if (topics.includes(topic)) queueMicrotask(listener)
        }),
      close: () => listeners.delete(onTold),
    }
  }
}
