import { canonicalJson, type Desired, softwareName } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan, type Step } from '../plan/index.ts';
import { wakeAt } from './advance.ts';
import { Device } from './device.fixture.ts';
import { wantedSoftware } from './state.ts';
import { desired, sha } from './update.fixture.ts';

const model = softwareName('linux-x64');
const bundleOf = (version: string) => sha(`software/${version}`);

/** What the launcher would start, beside the machine: enough of a device to see where software leads. */
class Site extends Device {
  running: string | null = null;
  isConfirmed = true;

  /** Software at this version, with one model that stays as it is unless told otherwise. */
  order(version: string, modelVersion = '1.0.0'): void {
    const { release, ...rest } = desired(this.update.accepted + 1, [modelVersion]);
    const models = [...release.models, { model, version, number: 1, bundle: bundleOf(version) }];
    const wanted: Desired = { ...rest, release: { id: sha(canonicalJson(models)), models } };
    this.tell({ kind: 'desired', desired: wanted });
  }

  /** Up to its activation. */
  override prove(version: string, modelVersion?: string) {
    this.order(version, modelVersion);
    const { generation } = this;
    return this.tell(
      { kind: 'downloaded', generation },
      { kind: 'verified', generation, counters: {} },
      this.probed(),
    );
  }

  steps(): Step[] {
    const { running, isConfirmed } = this;
    return plan(this.update, { serving: null, work: null, bundles: [], software: { running, isConfirmed } });
  }

  step<K extends Step['kind']>(kind: K): Extract<Step, { kind: K }> | undefined {
    return this.steps().find((step): step is Extract<Step, { kind: K }> => step.kind === kind);
  }

  /** Does what the plan says of software, as the launcher and the agent would. */
  follow(): void {
    const change = this.step('switch');
    if (change) [this.running, this.isConfirmed] = [change.to, !change.isTrial];
    else if (this.step('confirm')) this.isConfirmed = true;
  }

  commit(version: string): void {
    this.prove(version);
    this.follow();
    this.tell({ kind: 'candidateApplied', generation: this.generation });
    this.tell({ kind: 'contact', software: this.running }, this.evidence({}));
    this.follow();
  }
}

describe('software of the agent', () => {
  it('runs before anything is served from it, and is committed by its contact to the controller', () => {
    const site = new Site();
    site.commit('1.0.0');
    expect(site.update.state).toBe('committed');
    site.prove('2.0.0');
    expect(site.step('switch')).toMatchObject({ to: bundleOf('2.0.0'), isTrial: true });
    expect(site.step('serve')).toMatchObject({ of: 'committed' });
    // The one that still runs has contact: that says nothing of the next.
    site.tell({ kind: 'contact', software: site.running });
    site.follow();
    expect(site.step('serve')).toMatchObject({ of: 'candidate', mirror: [] });
    site.tell({ kind: 'candidateApplied', generation: site.generation });
    expect(site.update).toMatchObject({ state: 'soaking', deadMan: { state: 'pending' } });
    site.tell({ kind: 'contact', software: site.running });
    expect(site.update).toMatchObject({ state: 'committed', committed: { proof: 'proven' } });
    expect(site.step('confirm')).toBeDefined();
    site.follow();
    expect(site.steps().map(({ kind }) => kind)).toEqual(['serve']);
  });

  it('goes back without contact in the time of the soak, which needs nobody', () => {
    const site = new Site();
    site.commit('1.0.0');
    site.prove('2.0.0');
    site.follow();
    site.tell({ kind: 'candidateApplied', generation: site.generation });
    site.tell(site.evidence({}));
    expect(site.update.state).toBe('soaking');
    site.now = wakeAt(site.update) ?? 0;
    site.tell({ kind: 'tick' });
    expect(site.update).toMatchObject({ state: 'reverting', reason: { code: 'NO_CONTACT' } });
    expect(site.update.deadMan).toMatchObject({ state: 'takenBack', id: bundleOf('2.0.0') });
    expect(site.update.penalties.map(({ bundle }) => bundle)).toEqual([bundleOf('2.0.0')]);
    expect(site.step('switch')).toMatchObject({ to: bundleOf('1.0.0'), isTrial: false });
  });

  it('that the launcher gave up is taken back by what runs instead', () => {
    const site = new Site();
    site.commit('1.0.0');
    site.prove('2.0.0');
    site.follow();
    site.running = bundleOf('1.0.0');
    const failed = site.step('switch');
    expect(failed).toMatchObject({ to: bundleOf('2.0.0'), isTrial: true });
    const { generation } = site;
    site.tell({
      kind: 'failed',
      generation,
      code: 'SOFTWARE_FAILED',
      message: 'x',
      jitter: 0,
      progressed: false,
    });
    expect(site.update).toMatchObject({ state: 'reverting', reason: { code: 'SOFTWARE_FAILED' } });
    expect(site.step('switch')).toBeUndefined();
    site.tell({ kind: 'committedApplied' });
    expect(site.step('confirm')).toBeDefined();
  });

  it('with a new model needs both: contact, and what the model shows in its soak', () => {
    const site = new Site();
    site.commit('1.0.0');
    site.prove('2.0.0', '2.0.0');
    site.follow();
    site.tell({ kind: 'candidateApplied', generation: site.generation });
    site.tell({ kind: 'contact', software: site.running });
    expect(site.update.state).toBe('soaking');
    site.tell(site.evidence({}));
    expect(site.update).toMatchObject({ state: 'committed', committed: { proof: 'proven' } });
  });

  it('is what the machine wants, whatever happens on the way: all histories end with it, and confirmed', () => {
    const happening = fc.constantFrom(
      'contact',
      'applied',
      'evidence',
      'tick',
      'follow',
      'fall back',
      'start',
    );
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 30 }), (history) => {
        const site = new Site();
        site.commit('1.0.0');
        site.prove('2.0.0');
        for (const [index, what] of history.entries()) {
          const { generation, update } = site;
          if (what === 'contact') site.tell({ kind: 'contact', software: site.running });
          if (what === 'applied') {
            const isServed = site.step('serve')?.of === 'candidate';
            site.tell(isServed ? { kind: 'candidateApplied', generation } : { kind: 'committedApplied' });
          }
          if (what === 'evidence' && update.state === 'soaking') site.tell(site.evidence({}));
          if (what === 'tick') site.now = Math.max(site.now, wakeAt(site.update) ?? 0);
          if (what === 'tick') site.tell({ kind: 'tick' });
          if (what === 'follow') site.follow();
          if (what === 'fall back' && !site.isConfirmed)
            site.running = update.committed ? bundleOf('1.0.0') : null;
          if (what === 'start') site.tell({ kind: 'started', starts: index, inRow: 1 });
          // Committed is only what ran and had contact.
          const committed = site.update.committed?.release.models.find((ref) => ref.model === model)?.version;
          if (committed === '2.0.0')
            expect(site.update.desired?.release.models).toContainEqual(
              expect.objectContaining({ version: '2.0.0' }),
            );
          if (site.update.committed !== update.committed) expect(site.running).toBe(bundleOf('2.0.0'));
        }
        for (let ticks = 0; wakeAt(site.update) !== null; ticks++) {
          expect(ticks).toBeLessThan(100);
          site.now = Math.max(site.now, wakeAt(site.update) ?? 0);
          site.tell({ kind: 'tick' });
        }
        site.follow();
        site.follow();
        expect(site).toMatchObject({ running: wantedSoftware(site.update), isConfirmed: true });
      }),
      { numRuns: 1_000 },
    );
  });
});
