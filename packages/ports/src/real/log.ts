import type { Clock, Log, LogLevel } from '../ports.ts';

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One JSON object a line, to a stream. */
export function streamLog(
  stream: { write(text: string): unknown },
  clock: Clock,
  level: LogLevel,
  component = 'covey',
): Log {
  return {
    write: (lineLevel, message, fields) => {
      if (order[lineLevel] < order[level]) return;
      const line = {
        at: new Date(clock.now()).toISOString(),
        level: lineLevel,
        component,
        message,
        ...fields,
      };
      stream.write(`${JSON.stringify(line)}\n`);
    },
    component: (name) => streamLog(stream, clock, level, name),
  };
}
