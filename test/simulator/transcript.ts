import { createHash } from 'node:crypto';

const linesKept = 60;

/** What happened, line by line: the digest of all, and the last lines for people. */
export class Transcript {
  readonly #hash = createHash('sha256');
  readonly #nowMs: () => number;
  #last: string[] = [];
  lines = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  note(line: string): void {
    const text = `${(this.#nowMs() / 1000).toFixed(3).padStart(10)} ${line}`;
    this.#hash.update(`${text}\n`);
    this.lines++;
    this.#last.push(text);
    if (this.#last.length > 2 * linesKept) this.#last = this.#last.slice(-linesKept);
  }

  /** Of all lines so far, hex. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  tail(): string {
    return this.#last.slice(-linesKept).join('\n');
  }
}
