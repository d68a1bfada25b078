import type { Measured, Provider } from '@covey/protocol';

/** What computes on this device, as its probes have found: the CPU, and what ran some variant right on the hardware as it is now. */
export class FoundProviders {
  #hardware = '';
  #found = new Set<Provider>();

  get list(): Provider[] {
    return ['cpu', ...[...this.#found].filter((provider) => provider !== 'cpu')];
  }

  /** A probe has ended. */
  probed({ hardware, results }: Measured): void {
    // Nothing but software was new.
    if (results.length === 0) return;
    if (hardware !== this.#hardware) this.#found = new Set();
    this.#hardware = hardware;
    for (const { provider, ok } of results) if (ok) this.#found.add(provider);
  }
}
