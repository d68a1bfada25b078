import { systemHost } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Client, createClient } from '../client/client.ts';
import { type ConnectionOptions, findConnection } from '../client/connection.ts';
import { createOutput, type Output } from '../terminal/output.ts';

/** Where an installation on this machine keeps its data unless told otherwise. */
export const defaultDataFolder = '.covey';

interface ApiOptions extends ConnectionOptions {
  json: boolean;
}

/** A command that talks to the controller: takes the options that find it, and --json. */
export function apiCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--data <folder>', 'data folder of a controller on this machine', defaultDataFolder)
    .option('--url <url>', 'address of the controller, such as https://covey.example:8080')
    .option('--ca <file>', "the controller's CA certificate (PEM), with --url")
    .option('--token-file <file>', 'file that holds the bearer token, with --url')
    .option('--json', 'print JSON', false);
}

/** What an action of such a command gets. */
export function session(command: Command): { client: Client; output: Output } {
  const options = command.opts<ApiOptions>();
  return { client: createClient(findConnection(options)), output: createOutput(options.json) };
}

/** For commander: a whole number within bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`a whole number from ${min} to ${max} is wanted`);
    }
    return value;
  };
}

/** `--threads` of commands that run models here. */
export function threadsOption(): Option {
  return new Option('--threads <count>', 'that a run uses').argParser(threadCount).default(1);
}

function threadCount(text: string): number {
  const { cores } = systemHost().describe();
  const count = wholeNumber(1, 64)(text);
  if (count > cores)
    throw new InvalidArgumentError(`this machine has ${cores} ${cores === 1 ? 'core' : 'cores'}`);
  return count;
}

/** For commander: a share written as a percentage, `98` or `98%`. Returns 0..1. */
function percentage(text: string): number {
  const value = Number(text.replace(/ ?%$/, ''));
  if (!(value >= 0 && value <= 100)) throw new InvalidArgumentError('a percentage from 0 to 100 is wanted');
  return value / 100;
}

const durationUnits: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** For commander: a duration such as `500ms`, `30s`, `15m`, `24h`. Returns milliseconds. */
function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unit = durationUnits[match?.[2] ?? ''];
  if (!match || unit === undefined)
    throw new InvalidArgumentError('a duration such as 500ms, 30s, 15m or 24h is wanted');
  return Math.round(Number(match[1]) * unit);
}

/** An option that takes a duration; its default is shown as it would be written. */
export function durationOption(flags: string, description: string, defaultText?: string): Option {
  const option = new Option(flags, description).argParser(duration);
  return defaultText === undefined ? option : option.default(duration(defaultText), defaultText);
}

/** An option that takes a percentage; its default is shown as it would be written. */
export function percentageOption(flags: string, description: string, defaultText: string): Option {
  return new Option(flags, description).argParser(percentage).default(percentage(defaultText), defaultText);
}

/** For commander: collects repeated `name=value` options. */
export function namedValue(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const separator = text.indexOf('=');
  if (separator < 1) throw new InvalidArgumentError('name=value is wanted');
  return { ...previous, [text.slice(0, separator)]: text.slice(separator + 1) };
}

/** `model@version`, as commands take it. */
export function parseModelVersion(text: string): { model: string; version: string } {
  const at = text.lastIndexOf('@');
  if (at < 1 || at === text.length - 1) {
    throw new CoveyError('INVALID_ARGUMENT', `"${text}" is not MODEL@VERSION, such as bearing@1.1.0`);
  }
  return { model: text.slice(0, at), version: text.slice(at + 1) };
}
