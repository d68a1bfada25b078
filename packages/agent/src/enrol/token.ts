import { CoveyError, type EnrolmentToken, EnrolmentTokenSchema, parseDocument } from '@covey/protocol';

const prefix = 'covey1.';
const maxChars = 4_000;

/** What an enrolment token says. Errors: TOKEN_UNKNOWN when it is no token at all, which is what a typing error makes of it. */
export function readToken(text: string): EnrolmentToken {
  const trimmed = text.trim();
  if (!trimmed.startsWith(prefix) || trimmed.length > maxChars) {
    throw new CoveyError('TOKEN_UNKNOWN', `an enrolment token starts with "${prefix}"`);
  }
  try {
    const bytes = Buffer.from(trimmed.slice(prefix.length), 'base64url');
    return parseDocument(EnrolmentTokenSchema, bytes, 'enrolment token');
  } catch (cause) {
    throw new CoveyError('TOKEN_UNKNOWN', 'the enrolment token is damaged: copy all of it', { cause });
  }
}
