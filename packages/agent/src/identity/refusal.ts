import type { FetchAnswer } from '@covey/ports';
import { CoveyError, type ErrorCode, errorCatalogue, limits, parseJson } from '@covey/protocol';

/** The controller's refusal in its own code and words, when it gave any. */
export function refusalOf(answer: FetchAnswer): CoveyError {
  const document = readErrorDocument(answer);
  const code = Object.keys(errorCatalogue).find((known): known is ErrorCode => known === document.code);
  const message = document.message ?? `the controller answers with status ${answer.status}`;
  return new CoveyError(code ?? 'FORBIDDEN', message);
}

function readErrorDocument(answer: FetchAnswer): { code?: string; message?: string } {
  try {
    const body = parseJson(answer.body, 'refusal') as {
      error?: unknown;
      code?: unknown;
      message?: unknown;
    } | null;
    const inner = (body?.error ?? body) as { code?: unknown; message?: unknown } | null;
    return {
      ...(typeof inner?.code === 'string' && { code: inner.code }),
      ...(typeof inner?.message === 'string' && { message: inner.message.slice(0, limits.reasonChars) }),
    };
  } catch {
    // A refusal by something that does not speak JSON, such as a proxy: the status is all there is.
    return {};
  }
}
