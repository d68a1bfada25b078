import type { Desired, MirrorEvidence, ProbeResult } from '@covey/protocol';
import { advance, type UpdateEvent, wakeAt } from './advance.ts';
import { initialUpdate, type Update } from './state.ts';
import { desired, sha } from './update.fixture.ts';

export const bundleOf = (version: string) => sha(`m0/${version}`);

/** The machine with a clock: each event comes a second after the one before. */
export class Device {
  update: Update = initialUpdate;
  now = 0;

  tell(...events: UpdateEvent[]): Update {
    for (const event of events) {
      this.now += 1_000;
      this.update = advance(this.update, event, this.now);
    }
    return this.update;
  }

  want(version: string, change: Partial<Desired> = {}): Update {
    const generation = this.update.accepted + 1;
    return this.tell({ kind: 'desired', desired: { ...desired(generation, [version]), ...change } });
  }

  get generation(): number {
    return this.update.desired?.generation ?? 0;
  }

  probed(...changes: Partial<ProbeResult>[]): UpdateEvent {
    const models = this.update.desired?.release.models ?? [];
    const results = models.map(
      ({ model, version }, index): ProbeResult => ({
        ...{ model, version, variant: 'fp32', provider: 'cpu', ok: true, chosen: true },
        ...{ maxError: 0, latencyMs: 10, memoryBytes: 1e8 },
        ...changes[index],
      }),
    );
    return { kind: 'probed', generation: this.generation, results };
  }

  /** Up to its soak. */
  activate(...probed: Partial<ProbeResult>[]): Update {
    const { generation } = this;
    return this.tell(
      { kind: 'downloaded', generation },
      { kind: 'verified', generation, counters: {} },
      this.probed(...probed),
      { kind: 'candidateApplied', generation },
    );
  }

  evidence(change: Partial<MirrorEvidence>): UpdateEvent {
    const models = this.update.desired?.release.models ?? [];
    const seen = {
      requests: 100,
      errors: 0,
      samples: 100,
      agreements: 100,
      latencyMs: 1,
      incumbentLatencyMs: 1,
    };
    const evidence = models.map(({ model }) => ({
      ...{ model, ...seen, slower: 0, shift: { gained: [], lost: [] } },
      ...change,
    }));
    return { kind: 'evidence', generation: this.generation, evidence };
  }

  prove(version: string): Update {
    this.want(version);
    this.activate();
    return this.tell(this.evidence({}));
  }

  /** Its soak sees nobody. */
  leaveUnproven(version: string): Update {
    this.want(version);
    this.activate();
    this.now = wakeAt(this.update) ?? this.now;
    return this.tell({ kind: 'tick' }, this.probed());
  }
}
