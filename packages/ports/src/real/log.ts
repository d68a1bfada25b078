import type { Clock, Log, LogLevel } from '../ports.ts';

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One JSON object a line, to a stream. A field called `message`, as errors have it, follows what the line is about. */
export function streamLog(
  stream: { write(text: string): unknown },
  clock: Clock,
  level: LogLevel,
  component = 'covey',
): Log {
  return {
    write: (lineLevel, message, fields) => {
      if (order[lineLevel] < order[level]) return;
      const { message: why, ...others } = fields ?? {};
      const line = {
        at: new Date(clock.now()).toISOString(),
        level: lineLevel,
        component,
        message: why === undefined ? message : `${message}: ${why}`,
        ...others,
      };
      stream.write(`${JSON.stringify(line)}\n`);
    },
    component: (name) => streamLog(stream, clock, level, name),
  };
}
