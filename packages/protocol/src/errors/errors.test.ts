import { describe, expect, it } from 'vitest';
import { CoveyError, type ErrorCode, errorCatalogue, retryClassOf, toCoveyError } from './index.ts';

const codes = Object.keys(errorCatalogue) as ErrorCode[];

describe('the error catalogue', () => {
  it.each(codes)('%s is a stable word with an HTTP error status and a remedy that is a sentence', (code) => {
    const { status, remedy } = errorCatalogue[code];
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(remedy).toMatch(/^[A-Z].*[.)]$/);
  });

  it.each([
    ['UNREACHABLE', 'retryable'],
    ['BUNDLE_CORRUPT', 'retryable'],
    ['TRUST_UNKNOWN', 'rejected'],
    ['DISK_FULL', 'deferred'],
    ['no code at all', 'retryable'],
    ['constructor', 'retryable'],
  ])('says that %s is %s', (code, retry) => {
    expect(retryClassOf(code)).toBe(retry);
  });

  it('gives an error its status, remedy and the form in which it crosses a boundary, without its cause', () => {
    const cause = new Error('secret detail');
    const error = new CoveyError('NOT_FOUND', 'model "bearing" is unknown', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'CoveyError', status: 404, cause });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'NOT_FOUND',
      message: 'model "bearing" is unknown',
      remedy: errorCatalogue.NOT_FOUND.remedy,
    });
  });
});

describe('toCoveyError', () => {
  it('passes a CoveyError through untouched', () => {
    const error = new CoveyError('CONFLICT', 'taken');
    expect(toCoveyError(error, 'TIMEOUT')).toBe(error);
  });

  it.each(['ENOSPC', 'EDQUOT'])('knows a full disk by %s, whatever code was proposed', (errno) => {
    const cause = Object.assign(new Error('write failed'), { code: errno });
    expect(toCoveyError(cause, 'TIMEOUT')).toMatchObject({
      code: 'DISK_FULL',
      message: 'write failed',
      cause,
    });
  });

  it.each(['EIO', 'EROFS'])('knows a failing disk by %s', (errno) => {
    const cause = Object.assign(new Error('read failed'), { code: errno });
    expect(toCoveyError(cause)).toMatchObject({ code: 'DISK_FAILED', cause });
  });

  it.each([
    [new TypeError('x is not a function'), 'x is not a function'],
    ['a string', 'a string'],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ code: 7 }, '[object Object]'],
  ])('makes %s an INTERNAL error that keeps its cause', (thrown, message) => {
    expect(toCoveyError(thrown)).toMatchObject({ code: 'INTERNAL', message, cause: thrown });
    expect(toCoveyError(thrown, 'UNREACHABLE').code).toBe('UNREACHABLE');
  });
});
