import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoveyError, canonicalJson, toCoveyError } from '@covey/protocol';

/** One piece of a longer job. What it finds depends on `inputs` alone and survives JSON. */
export interface Step<Found> {
  /** Lower-case words with dashes. */
  name: string;
  inputs: unknown;
  run(): Promise<Found>;
}

/** Where a job keeps what its steps found, so that it goes on where it was interrupted, by SIGKILL or a power cut too. */
export class WorkFolder {
  readonly #folder: string;

  /** Errors: INVALID_ARGUMENT where the folder cannot be made, DISK_FULL. */
  constructor(folder: string) {
    this.#folder = folder;
    attempt(() => mkdirSync(folder, { recursive: true }));
  }

  /** What the step finds, or found before from the same inputs. Errors: those of the step, DISK_FULL. */
  async perform<Found>(step: Step<Found>): Promise<{ found: Found; isNew: boolean }> {
    const path = `${this.#pathOf(step)}.step`;
    const before = readDocument(path) as { found: Found } | undefined;
    if (before) return { found: before.found, isNew: false };
    const found = await step.run();
    writeDocument(path, { found });
    return { found, isNew: true };
  }

  /** What an unfinished step left of its state; undefined where it left none. */
  unfinished(step: Pick<Step<unknown>, 'name' | 'inputs'>): unknown {
    return readDocument(`${this.#pathOf(step)}.unfinished`);
  }

  /** Keeps the state of a step that goes on. */
  leaveUnfinished(step: Pick<Step<unknown>, 'name' | 'inputs'>, state: unknown): void {
    writeDocument(`${this.#pathOf(step)}.unfinished`, state);
  }

  /** Whether a step was begun that takes long and has left its state: the others are quick to do again. */
  hasUnfinished(): boolean {
    return readdirSync(this.#folder).some((name) => name.endsWith('.unfinished'));
  }

  /** Removes all of it, what names models before the models: killed in between it is still sound. Errors: INVALID_ARGUMENT. */
  remove(): void {
    attempt(() => {
      const isModel = (name: string) => name.endsWith('.onnx');
      const names = readdirSync(this.#folder);
      for (const name of [
        ...names.filter((name) => /\.(step|unfinished)$/.test(name)),
        ...names.filter(isModel),
      ])
        rmSync(join(this.#folder, name));
      rmSync(this.#folder, { recursive: true });
    });
  }

  /** Keeps bytes under their SHA-256, which it returns. */
  keep(bytes: Uint8Array): string {
    const digest = digestOf(bytes);
    write(join(this.#folder, `${digest}.onnx`), bytes);
    return digest;
  }

  /** Bytes that were kept. Errors: DATA_CORRUPT where somebody removed or changed them. */
  bytes(digest: string): Uint8Array {
    const path = join(this.#folder, `${digest}.onnx`);
    let bytes: Uint8Array | undefined;
    try {
      bytes = readFileSync(path);
    } catch {
      // Said below: that it is gone is all there is to know.
    }
    if (bytes && digestOf(bytes) === digest) return bytes;
    throw new CoveyError('DATA_CORRUPT', `${path} is ${bytes ? 'damaged' : 'gone'}: remove ${this.#folder}`);
  }

  #pathOf({ name, inputs }: Pick<Step<unknown>, 'name' | 'inputs'>): string {
    const key = digestOf(new TextEncoder().encode(canonicalJson({ name, inputs })));
    return join(this.#folder, `${name}-${key.slice(0, 16)}`);
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Writes a file whole or not at all. Errors: DISK_FULL, INVALID_ARGUMENT with the system's words. */
export function write(path: string, bytes: Uint8Array): void {
  attempt(() => {
    writeFileSync(`${path}.new`, bytes, { flush: true });
    renameSync(`${path}.new`, path);
  });
}

/** JSON behind a line with its SHA-256, so that what somebody else wrote, or a disk changed, is not believed. */
function writeDocument(path: string, document: unknown): void {
  const json = new TextEncoder().encode(JSON.stringify(document));
  write(path, Buffer.concat([new TextEncoder().encode(`${digestOf(json)}\n`), json]));
}

/** What cannot be read, because it is not there or was damaged, is done again. */
function readDocument(path: string): unknown {
  try {
    const bytes = readFileSync(path);
    const start = bytes.indexOf('\n') + 1;
    const json = bytes.subarray(start);
    const isWhole = bytes.toString('latin1', 0, start) === `${digestOf(json)}\n`;
    return isWhole ? JSON.parse(json.toString()) : undefined;
  } catch {
    return undefined;
  }
}

function attempt(act: () => void): void {
  try {
    act();
  } catch (cause) {
    throw toCoveyError(cause, 'INVALID_ARGUMENT');
  }
}
