import type { BundleSource } from '@covey/bundle';
import { ServingFileSchema } from '@covey/protocol';
import { readSettingsFile } from '../folder/settings-file.ts';

/** What a version says beside its contents. */
export type Served = Pick<BundleSource, 'serving' | 'pipeline' | 'requirements' | 'provides' | 'depends'>;

/** How a version is served, and what it needs, as the user wrote it. Errors: those of readSettingsFile. */
export function readServingFile(path: string): Served {
  const { settings, format: _, ...rest } = readSettingsFile(path, ServingFileSchema);
  return { ...(settings && { serving: settings }), ...rest };
}
