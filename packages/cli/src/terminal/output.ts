import { styleText } from 'node:util';
import type { CoveyError } from '@covey/protocol';
import { plainJson, plainStyled, plainText } from './plain.ts';

type Style = Parameters<typeof styleText>[0];

/**
 * Where a command speaks. Whatever the words of strangers hold, no terminal obeys it. Results go to standard output, as text for people or as JSON lines and nothing else;
 * progress goes to standard error. Colours appear on a terminal only (and NO_COLOR is heeded).
 */
export interface Output {
  json: boolean;
  isTerminal: boolean;
  /** A result: `document` in JSON mode, `text` otherwise. */
  result(document: unknown, text: string | (() => string)): void;
  /** What is being done now; silent in JSON mode. */
  progress(text: string): void;
  style(style: Style, text: string): string;
}

export function createOutput(json: boolean): Output {
  const isTerminal = process.stdout.isTTY === true;
  return {
    json,
    isTerminal,
    result: (document, text) => {
      const written = json ? plainJson(document) : plainStyled(typeof text === 'string' ? text : text());
      process.stdout.write(`${written}\n`);
    },
    progress: (text) => {
      if (!json) process.stderr.write(`${styleText('dim', plainText(text), { stream: process.stderr })}\n`);
    },
    style: (style, text) => styleText(style, text, { stream: process.stdout }),
  };
}

/** An error in the user's words: what was wrong, what to do, and the code for scripts. */
export function writeError(error: CoveyError, json: boolean): void {
  if (json) {
    process.stdout.write(`${plainJson({ error: error.toJSON() })}\n`);
    return;
  }
  const head = styleText(['red', 'bold'], 'error', { stream: process.stderr });
  process.stderr.write(`${head} ${plainText(error.message)}\n      ${error.remedy} [${error.code}]\n`);
  if (error.code === 'INTERNAL' && error.stack) process.stderr.write(`${plainText(causes(error))}\n`);
}

function causes(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause ? `${error.stack}\ncaused by ${causes(error.cause)}` : (error.stack ?? error.message);
}
