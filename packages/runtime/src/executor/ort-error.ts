import { CoveyError, type ErrorCode } from '@covey/protocol';

/**
 * Where in ONNX Runtime's source an error arose: file and line, and after them the signature of the function, which ends
 * with its parentheses (these may hold some of their own).
 */
const sourceLocation =
  /\S*?[\\/]onnxruntime\S*\.(?:cc|cpp|h):\d+ (?:[^()\n]*[^\s()](?:\((?:[^()]|\([^()]*\))*\))+(?: const)?(?: \[with [^\]]*\])? )?/g;

/** An error of ONNX Runtime as one of ours, without what only its developers can use: `path` is the file it loaded. */
export function ortError(code: ErrorCode, cause: Error, path?: string): CoveyError {
  const words = path === undefined ? cause.message : cause.message.replaceAll(path, 'the model');
  const message = words
    .replace(/ failed:(?=\S)/, ' failed: ')
    .replace(sourceLocation, '')
    .trim();
  return new CoveyError(code, message, { cause });
}
