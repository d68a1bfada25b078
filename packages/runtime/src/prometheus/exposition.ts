/** Names and values of labels. */
export type Labels = Readonly<Record<string, string>>;

/** What a histogram of the text format says: `buckets` are cumulative, by their inclusive upper bound. */
export interface HistogramSample {
  buckets: readonly { bound: number; count: number }[];
  count: number;
  sum: number;
}

/** Writes Prometheus' text exposition format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */
export class Exposition {
  readonly #lines: string[] = [];

  counter(name: string, help: string, samples: Iterable<readonly [Labels, number]>): void {
    this.#values(name, help, 'counter', samples);
  }

  gauge(name: string, help: string, samples: Iterable<readonly [Labels, number]>): void {
    this.#values(name, help, 'gauge', samples);
  }

  histogram(name: string, help: string, samples: Iterable<readonly [Labels, HistogramSample]>): void {
    this.#begin(name, help, 'histogram');
    for (const [labels, { buckets, count, sum }] of samples) {
      for (const bucket of buckets) {
        this.#sample(`${name}_bucket`, { ...labels, le: String(bucket.bound) }, bucket.count);
      }
      this.#sample(`${name}_bucket`, { ...labels, le: '+Inf' }, count);
      this.#sample(`${name}_sum`, labels, sum);
      this.#sample(`${name}_count`, labels, count);
    }
  }

  /** All that was written. */
  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #values(name: string, help: string, type: string, samples: Iterable<readonly [Labels, number]>): void {
    this.#begin(name, help, type);
    for (const [labels, value] of samples) this.#sample(name, labels, value);
  }

  #begin(name: string, help: string, type: string): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  }

  #sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    this.#lines.push(`${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`);
  }
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}
