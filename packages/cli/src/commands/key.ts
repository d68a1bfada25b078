import { Command, Option } from 'commander';
import { keyHelp } from '../publish/signers.ts';
import { readTrust } from '../publish/trust.ts';
import { apiCommand, namedValue, session, wholeNumber } from './command.ts';
import { createKey, signDraft, submitDraft } from './key-files.ts';
import { changeKeys, delegate, rotateKey, type SigningOptions, undelegate } from './key-roles.ts';
import { trustTable } from './trust.ts';

const threshold = wholeNumber(1, 16);
const collect = (value: string, before: string[]) => [...before, value];

/** `covey key create|list|add|remove|rotate|delegate|undelegate|sign|submit` */
export function keyCommand(): Command {
  return new Command('key')
    .description('keys of publishers, teams and machines: who may sign for what')
    .addCommand(
      new Command('create')
        .description('make a key pair; the private key is written for its owner alone (mode 0600)')
        .argument('<file>', 'where the private key goes; the public one lies beside it')
        .addOption(
          new Option('--type <type>', 'kind of key').choices(['ed25519', 'ecdsa-p256']).default('ed25519'),
        )
        .option('--encrypt', 'with the passphrase in COVEY_KEY_PASSPHRASE', false)
        .option('--json', 'print JSON', false)
        .action(createKey),
    )
    .addCommand(apiCommand('list', 'roles and their keys').action(list))
    .addCommand(addCommand())
    .addCommand(removeCommand())
    .addCommand(rotateCommand())
    .addCommand(delegateCommand())
    .addCommand(
      signing('undelegate', 'take back what was delegated to a role')
        .argument('<role>', 'name of the role')
        .action(undelegate),
    )
    .addCommand(
      new Command('sign')
        .description('sign a draft that was made elsewhere; needs no controller')
        .argument('<draft>', 'a file that `covey key` wrote')
        .requiredOption('--key <key>', keyHelp, collect, [])
        .option(
          '--public-key <file>',
          'public key of a command that signs, where the draft does not name it',
          collect,
          [],
        )
        .option('--json', 'print JSON', false)
        .action(signDraft),
    )
    .addCommand(
      apiCommand('submit', 'publish a draft that enough have signed')
        .argument('<draft>', 'a file that `covey key` wrote')
        .action((draft: string, _options: unknown, command: Command) => submitDraft(draft, command)),
    );
}

function addCommand(): Command {
  return signing('add', 'let one more key sign for a role')
    .argument('<role>', 'root, targets, or a role that is delegated to')
    .argument('<public-key.pem...>', 'public keys')
    .option('--threshold <count>', 'signatures that the role asks for from now on', threshold)
    .action((role: string, add: string[], options: { threshold?: number }, command: Command) =>
      changeKeys(role, { add, remove: [], ...options }, command),
    );
}

function removeCommand(): Command {
  return signing('remove', 'let a key sign for a role no longer')
    .argument('<role>', 'root, targets, or a role that is delegated to')
    .argument('<key-id...>', 'ids, or their beginnings')
    .option('--threshold <count>', 'signatures that the role asks for from now on', threshold)
    .action((role: string, remove: string[], options: { threshold?: number }, command: Command) =>
      changeKeys(role, { add: [], remove, ...options }, command),
    );
}

function rotateCommand(): Command {
  return signing('rotate', 'put a new key in the place of one, everywhere; devices follow by themselves')
    .argument('<role>', 'root, targets, or online: the present key of the controller')
    .option('--from <key-id>', 'the key that goes; default: the only one')
    .option('--to <key>', `the new private key: ${keyHelp}`)
    .action(
      (role: 'root' | 'targets' | 'online', options: { from?: string; to?: string }, command: Command) =>
        rotateKey(role, options, command),
    );
}

function delegateCommand(): Command {
  return signing('delegate', 'let other keys sign for some models: a team, or a machine that builds')
    .argument('<role>', 'name of the role, such as team-vision or ci-bearing')
    .argument('<public-key.pem...>', 'public keys')
    .requiredOption('--path <pattern>', "what it may sign, such as 'bearing/*'; may be repeated", collect, [])
    .option('--threshold <count>', 'signatures that it takes', threshold, 1)
    .option(
      '--tag <name=value>',
      'for devices with this tag alone, such as ring=canary; may be repeated',
      namedValue,
    )
    .action(
      (
        role: string,
        keys: string[],
        options: SigningOptions & { path: string[]; tag?: Record<string, string>; threshold: number },
        command: Command,
      ) => delegate(role, keys, options, command),
    );
}

/** A command that changes who may sign: it takes the keys that sign the change. */
function signing(name: string, description: string): Command {
  return apiCommand(name, description)
    .requiredOption('--key <key>', `signs the change: ${keyHelp}; may be repeated`, collect, [])
    .option('--out <file>', 'draft for the others to sign, where the keys at hand are not enough');
}

async function list(_options: unknown, command: Command): Promise<void> {
  const { client, output } = session(command);
  const view = await readTrust(client);
  output.result(view, () => trustTable(view));
}
