export { type ErrorCode, errorCatalogue, retryClassOf } from './catalogue.ts';
export type { RetryClass } from './entry.ts';
export { CoveyError, type ErrorDocument, toCoveyError } from './errors.ts';
