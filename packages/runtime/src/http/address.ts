import { pathOf } from './path.ts';
import type { Handling, HttpProtocol } from './protocol.ts';

/** Targets kept, and characters of the longest. */
const kept = 256;
const keptChars = 256;

/** What a request's target names. */
export class Address {
  readonly path: readonly string[];
  /** Undefined where it is none of any protocol's. */
  readonly owner: HttpProtocol | undefined;
  #method: string | undefined;
  #handling: Handling | undefined;

  constructor(path: readonly string[], owner: HttpProtocol | undefined) {
    this.path = path;
    this.owner = owner;
  }

  /** Undefined where nothing is served. Errors: those of HttpProtocol.route. */
  handling(method: string): Handling | undefined {
    if (method !== this.#method) {
      this.#handling = this.owner?.route(method, this.path);
      this.#method = method;
    }
    return this.#handling;
  }
}

/**
 * Gives the address of a target's path and query. Those of the last requests are kept: taking the target apart and asking the protocols took 10
 * us of an inference. Errors: INVALID_DOCUMENT (broken percent-encoding).
 */
export function createAddresses(protocols: readonly HttpProtocol[]): (resource: string) => Address {
  const addresses = new Map<string, Address>();
  return (resource) => {
    const known = addresses.get(resource);
    if (known) return known;
    const path = pathOf(resource);
    const owner = protocols.find((protocol) => protocol.owns(path));
    const address = new Address(path, owner);
    if (addresses.size >= kept) addresses.clear();
    if (resource.length <= keptChars) addresses.set(resource, address);
    return address;
  };
}
