import type { ShadowEvidence } from '@covey/protocol';

/** Fewer comparisons say nothing. */
const leastSamples = 20;

/** What is worth telling of shadows: each time one has seen twice as much as when it was told of last. */
export class ShadowNews {
  /** Samples when it was told, by model and version. */
  readonly #told = new Map<string, number>();

  /** Evidence since the plan was applied, in words where it is news. */
  heard(evidence: readonly ShadowEvidence[]): string[] {
    return evidence.filter((shadow) => this.#isNews(shadow)).map(words);
  }

  #isNews({ model, version, samples }: ShadowEvidence): boolean {
    const key = `${model}/${version}`;
    const told = this.#told.get(key) ?? 0;
    // A plan begins the count anew.
    if (samples < told) this.#told.delete(key);
    const isNews = samples >= Math.max(leastSamples, 2 * (this.#told.get(key) ?? 0));
    if (isNews) this.#told.set(key, samples);
    return isNews;
  }
}

function words(shadow: ShadowEvidence): string {
  const { model, version, samples, agreements, failures, dropped, distance, latencyMs, shadowLatencyMs } =
    shadow;
  const figure = (value: number | null) => (value === null ? 'unknown' : Number(value.toPrecision(3)));
  return `${model} ${version} as a shadow: ${agreements} of ${samples} answers agree, ${failures} failed, ${dropped} not run; median distance ${figure(distance)}, ${figure(shadowLatencyMs)} ms against ${figure(latencyMs)}`;
}
