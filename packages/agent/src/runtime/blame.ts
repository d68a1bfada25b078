import type { Clock } from '@covey/ports';
import type { LoadedModel, ModelVersionRef } from '@covey/protocol';
import { afterDeath, quarantined, type Suspicions, suspects, unsuspicious } from './culprits.ts';
import type { Precautions } from './life.ts';
import type { ServingTarget } from './settings.ts';

/** Who is blamed for the deaths of this agent's runtime processes, by name and on its clock. */
export class Blame {
  readonly #clock: Clock;
  #suspicions: Suspicions = unsuspicious;
  /** Everything that was ever served: a death knows bundles only. */
  readonly #refs = new Map<string, ModelVersionRef>();

  /** Content of the target that was refused with the routes of the device. */
  #refused: string | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  serves(models: readonly LoadedModel[]): void {
    for (const { ref } of models) this.#refs.set(ref.bundle, ref);
  }

  /** A process died while these ran; returns what is quarantined since, and for how long. */
  died(bundles: readonly string[]): { ref: ModelVersionRef; forMs: number }[] {
    const nowMs = this.#clock.monotonicMs();
    const before = quarantined(this.#suspicions, nowMs);
    this.#suspicions = afterDeath(this.#suspicions, bundles, nowMs);
    return [...quarantined(this.#suspicions, nowMs)].flatMap(([bundle, untilMs]) => {
      const ref = this.#refs.get(bundle);
      return ref && !before.has(bundle) ? [{ ref, forMs: untilMs - nowMs }] : [];
    });
  }

  /** A candidate is the update machine's to judge: it is taken back, not quarantined. */
  precautions({ of, content }: ServingTarget): Precautions {
    const nowMs = this.#clock.monotonicMs();
    const held = of === 'committed' ? quarantined(this.#suspicions, nowMs).keys() : [];
    return {
      quarantined: new Set(held),
      suspects: suspects(this.#suspicions, nowMs),
      isPlain: this.#refused === content,
    };
  }

  /** The runtime refused the target; whether it is to be asked for without the routes of the device, which may be why. */
  refused({ of, content }: ServingTarget): boolean {
    if (of === 'candidate' || this.#refused === content) return false;
    this.#refused = content;
    return true;
  }

  quarantined(): ModelVersionRef[] {
    const now = quarantined(this.#suspicions, this.#clock.monotonicMs());
    return [...now.keys()].flatMap((bundle) => this.#refs.get(bundle) ?? []);
  }

  names(bundles: readonly string[]): string {
    const nameOf = (bundle: string) => {
      const ref = this.#refs.get(bundle);
      return ref ? `${ref.model} ${ref.version}` : bundle.slice(0, 12);
    };
    return bundles.map(nameOf).join(' and ');
  }
}
