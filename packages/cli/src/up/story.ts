import type { Signer } from '@covey/bundle/tuf';
import type { ExampleVersionNumber } from '@covey/example';
import {
  type ModelsAnswer,
  ModelsAnswer as ModelsAnswerSchema,
  RolloutsAnswer,
  RolloutView,
  SummariesAnswer,
} from '@covey/protocol/api';
import type { Client } from '../client/client.ts';
import { waitForRollout } from '../commands/rollout-wait.ts';
import { publishBundle } from '../publish/publish.ts';
import { exampleBundle, exampleModel } from './bundle.ts';

interface Chapter {
  version: ExampleVersionNumber;
  title: string;
  /** How its rollout must end. */
  ending: 'succeeded' | 'reverted';
  moral: string;
}

export const chapters: Chapter[] = [
  {
    version: '1.0.0',
    title: 'the first version goes out, device by device',
    ending: 'succeeded',
    moral: 'every device serves 1.0.0',
  },
  {
    version: '1.1.0',
    title: 'a better version goes out wave by wave',
    ending: 'succeeded',
    moral: 'each device compared 1.1.0 with 1.0.0 on its own live inputs before it committed',
  },
  {
    version: '1.2.0',
    title: 'a wrong version whose golden vectors agree with it',
    ending: 'reverted',
    moral:
      'the probe could not know; the soak saw it disagree with 1.1.0, the first device went back by itself, no other was touched',
  },
  {
    version: '1.2.1',
    title: 'a version whose bytes were damaged after its golden vectors were made',
    ending: 'reverted',
    moral: 'it never left the probe: not one request reached it',
  },
];

/** Waves and soak that fit a fleet on one machine, fed some 25 windows a second. */
const plan = {
  waves: [{ count: 1 }, { percent: 50 }],
  gate: { timeoutMs: 120_000 },
  soak: { minSamples: 100, maxDurationMs: 60_000, minAgreement: 0.9, maxErrorRate: 0.01 },
};

export interface StoryTeller {
  tell(event: Record<string, unknown> & { event: string }, text: string): void;
  /** The rollout to show with the devices. */
  follow(rollout: RolloutView): void;
}

export interface StoryEnding {
  isAsExpected: boolean;
  /** All of it, at an earlier start. */
  wasPlayedBefore: boolean;
}

/** Plays what has not been played before, and tells whether all went, and then has gone, as it should. Errors: the controller's. */
export async function playStory(
  client: Client,
  publisher: Signer,
  teller: StoryTeller,
): Promise<StoryEnding> {
  let isAsExpected = true;
  let wasPlayedBefore = true;
  for (const chapter of chapters) {
    const before = await rolloutOf(client, chapter.version);
    wasPlayedBefore &&= before !== undefined;
    if (!before) {
      teller.tell(
        { event: 'chapter', version: chapter.version, title: chapter.title },
        `\n${exampleModel}@${chapter.version}: ${chapter.title}`,
      );
      await publish(client, chapter.version, publisher, teller);
    }
    const rollout = await waitForRollout(
      client,
      (before ?? (await start(client, chapter.version))).id,
      (line, view) => {
        if (view) teller.follow(view);
        if (!before)
          teller.tell({ event: 'rollout', state: view?.state, wave: view?.wave, line }, `  ${line}`);
      },
    );
    teller.follow(rollout);
    const matches =
      rollout.state === chapter.ending && (chapter.ending === 'succeeded' || othersUntouched(rollout));
    isAsExpected &&= matches;
    if (before && matches) continue;
    const event = {
      event: 'outcome',
      version: chapter.version,
      state: rollout.state,
      reason: rollout.reason,
      expected: matches,
    };
    const reason = rollout.reason === null ? '' : `\n  why: ${rollout.reason}`;
    teller.tell(
      event,
      `  ${rollout.state}${reason}\n  ${matches ? chapter.moral : `this should have ended ${chapter.ending}`}`,
    );
    if (!matches) return { isAsExpected: false, wasPlayedBefore };
  }
  return { isAsExpected, wasPlayedBefore };
}

/** A bad version may reach one device. */
function othersUntouched(rollout: RolloutView): boolean {
  return rollout.waves.slice(1).every((wave) => wave.devices.every((member) => member.state === 'waiting'));
}

async function rolloutOf(client: Client, version: string): Promise<RolloutView | undefined> {
  const { rollouts } = await client.call({
    method: 'GET',
    path: '/rollouts',
    query: { model: exampleModel, limit: 200 },
    answer: RolloutsAnswer,
  });
  return rollouts.find((rollout) => rollout.plan.version === version);
}

async function publish(
  client: Client,
  version: ExampleVersionNumber,
  publisher: Signer,
  teller: StoryTeller,
): Promise<void> {
  const { models }: ModelsAnswer = await client.call({
    method: 'GET',
    path: '/models',
    answer: ModelsAnswerSchema,
  });
  const published = models.find(({ name }) => name === exampleModel)?.versions ?? [];
  if (published.some((entry) => entry.version === version)) return;
  const view = await publishBundle(client, exampleBundle(version), [publisher], () => {});
  const variants = view.variants
    .map(({ name, sizeBytes }) => `${name} ${Math.ceil(sizeBytes / 1024)} KiB`)
    .join(', ');
  teller.tell(
    { event: 'published', version, digest: view.digest, variants: view.variants },
    `  published and signed: ${variants}`,
  );
}

function start(client: Client, version: string): Promise<RolloutView> {
  return client.call({
    method: 'POST',
    path: '/rollouts',
    body: { model: exampleModel, version, ...plan },
    answer: RolloutView,
  });
}

/** The newest summaries of one device against the reference in the bundle, for the version that serves. */
export async function comparisonOf(client: Client, device: string, fromMs: number) {
  const answer = await client.call({
    method: 'GET',
    path: `/summaries/${exampleModel}`,
    query: { selector: `id=${device}`, from: fromMs },
    answer: SummariesAnswer,
  });
  return answer.versions[0]?.comparison ?? undefined;
}
