import { createHash } from 'node:crypto';
import { type SlotName, type SoftwareTools, slotNames } from '@covey/agent';
import type { Disk } from '@covey/ports';
import { softwarePlatform } from './versions.ts';

/** What software of the agent does in a scenario; an archive holds nothing but this word. */
export const conducts = ['works', 'reaches nobody', 'does not start'] as const;
export type Conduct = (typeof conducts)[number];

/** What the launcher starts: software whose program is damaged does not start. */
export interface Launched {
  slot: SlotName;
  conduct: Conduct;
}

/**
 * What device-images/launch.sh does, on a simulated disk: the script itself runs on real files in the agent's launch.test.ts.
 * Never settles when the power goes meanwhile.
 */
export async function launch(disk: Disk, folder: string): Promise<Launched> {
  const wordIn = async (file: string) => Buffer.from((await disk.read(`${folder}/${file}`)) ?? []).toString();
  await disk.makeFolder(folder);
  const hasLasted = (await disk.read(`${folder}/starting`)) === undefined;
  if (hasLasted) await disk.append(`${folder}/starting`, new Uint8Array(0), { sync: false });

  const isWhole = async (slot: string) => slot === 'installed' || (await wordIn(`${slot}/bundle`)) !== '';
  const isUndamaged = async (slot: string) => {
    if (slot === 'installed' || hasLasted) return true;
    if ((await wordIn(`${slot}/program`)) === (await wordIn(`${slot}/digests`))) return true;
    await disk.rename(`${folder}/${slot}/bundle`, `${folder}/${slot}/damaged`);
    return false;
  };
  const choose = async (): Promise<SlotName> => {
    const [format, chosen = '', trial = '', left = '0', digest] = (await wordIn('boot')).trim().split(' ');
    if (digest !== sha256(`${format} ${chosen} ${trial} ${left}`)) return 'installed';
    if (Number(left) > 0 && (await isWhole(trial))) {
      const words = `${format} ${chosen} ${trial} ${Number(left) - 1}`;
      await disk.write(`${folder}/boot`, Buffer.from(`${words} ${sha256(words)}\n`));
      return nameOf(trial);
    }
    if ((await isWhole(chosen)) && (await isUndamaged(chosen))) return nameOf(chosen);
    for (const other of ['a', 'b'].filter((slot) => slot !== chosen && slot !== trial)) {
      const bundle = await wordIn(`${other}/bundle`);
      const wasCommitted = bundle !== '' && bundle === (await wordIn(`${other}/good`));
      if (wasCommitted && (await isUndamaged(other))) return nameOf(other);
    }
    return 'installed';
  };

  const slot = await choose();
  const program = slot === 'installed' ? 'works' : await wordIn(`${slot}/program`);
  return { slot, conduct: conducts.find((word) => word === program) ?? 'does not start' };
}

/** What the agent gets from who starts it. */
export function softwareTools(disk: Disk, slot: SlotName, restart: () => void): SoftwareTools {
  return {
    slot,
    platform: softwarePlatform,
    unpack: async (archive, folder) => {
      const program = (await disk.read(archive)) ?? new Uint8Array(0);
      await disk.write(`${folder}/program`, program);
      await disk.write(`${folder}/digests`, program);
    },
    // What it does not find out is left to the launcher, and to the agent that runs.
    test: async () => {},
    restart,
  };
}

function nameOf(word: string): SlotName {
  return slotNames.find((slot) => slot === word) ?? 'installed';
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
