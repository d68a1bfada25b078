import { CoveyError, type ErrorCode } from '@covey/protocol';

/** Work that may not go on now; no failure. */
export class Held extends CoveyError {
  /** For how long; null: nobody knows. */
  readonly waitMs: number | null;
  constructor(code: ErrorCode, message: string, waitMs: number | null) {
    super(code, message);
    this.waitMs = waitMs;
  }
}
