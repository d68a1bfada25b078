import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const executablePath = '/usr/bin/chromium';
/** Added to the name of tests that need it. */
export const noChromium = existsSync(executablePath)
  ? ''
  : " (skipped: Debian's package chromium is not here)";

const flags = [
  '--headless=new',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // WebGPU in software.
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
];

/** A browser with a profile of its own, which is kept until it is closed. */
export interface Browser {
  context: BrowserContext;
  close(): Promise<void>;
}

export async function startChromium(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'covey-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: flags,
  });
  return {
    context,
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** Has the page of test/browser do something it can do; the answer comes as JSON. */
export type Ask = <Answer>(action: string, ...given: unknown[]) => Promise<Answer>;

export async function openPage({ context }: Browser, url: string): Promise<{ tab: Page; ask: Ask }> {
  const tab = await context.newPage();
  await tab.goto(url);
  return {
    tab,
    ask: (action, ...given) =>
      tab.evaluate(
        ([name, values]) => {
          const { covey } = globalThis as unknown as Record<
            string,
            Record<string, (...given: unknown[]) => unknown>
          >;
          return covey?.[name]?.(...values);
        },
        [action, given] as [string, unknown[]],
      ) as never,
  };
}
