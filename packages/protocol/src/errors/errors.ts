import { type ErrorCode, errorCatalogue } from './catalogue.ts';

/** An error in the user's words, with a code from the catalogue. The cause is kept. */
export class CoveyError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CoveyError';
    this.code = code;
  }
  get status(): number {
    return errorCatalogue[this.code].status;
  }
  get remedy(): string {
    return errorCatalogue[this.code].remedy;
  }
  toJSON(): ErrorDocument {
    return { code: this.code, message: this.message, remedy: this.remedy };
  }
}

/** The form in which an error crosses a process or network boundary. */
export interface ErrorDocument {
  code: ErrorCode;
  message: string;
  remedy: string;
}

/** Any thrown value as a CoveyError; what is not one already becomes `INTERNAL` (or `code`) with its cause. */
export function toCoveyError(error: unknown, code: ErrorCode = 'INTERNAL'): CoveyError {
  if (error instanceof CoveyError) return error;
  const errno = (error as { code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return new CoveyError('DISK_FULL', message, { cause: error });
  if (errno === 'EIO' || errno === 'EROFS') return new CoveyError('DISK_FAILED', message, { cause: error });
  return new CoveyError(code, message, { cause: error });
}
