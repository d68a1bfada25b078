import { Command } from 'commander';
import { exportParcel } from '../parcel/export.ts';
import { bundleInstallCommand } from './bundle-install.ts';
import { apiCommand, parseModelVersion, session } from './command.ts';

/** `covey bundle export|install`: a version for devices that reach nobody. */
export function bundleCommand(): Command {
  return new Command('bundle')
    .description('carry a version to devices that reach nobody')
    .addCommand(
      apiCommand('export', 'write a version, with the signatures that devices ask for, into one file')
        .argument('<model@version>', 'a published version, its number or a channel')
        .requiredOption(
          '--out <path>',
          'the file to write, or the folder to write it in, such as that of a USB stick',
        )
        .action(async (target: string, { out }: { out: string }, command: Command) => {
          const { client, output } = session(command);
          const exported = await exportParcel(client, parseModelVersion(target), out, output.progress);
          const { ref, path, sizeBytes, expires } = exported;
          output.result(
            exported,
            `${ref.model}@${ref.version} is in ${path}, ${sizeBytes} bytes; devices take it until ${expires}`,
          );
        }),
    )
    .addCommand(bundleInstallCommand());
}
