import { CoveyError } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import type { Joiner, RequestForm } from './join.ts';
import { type BatchSettings, Profile } from './profile.ts';
import { proveJoining, type TrialRun } from './proof.ts';
import type { Request } from './request.ts';

/** Signatures known at a time; the one not seen for longest is forgotten. */
const profilesKept = 16;
/** Tries to find out whether requests of one signature may be joined. */
const mostTrials = 8;
/** Inputs that are larger are not kept as samples. */
const sampleBytes = 4 * 1024 * 1024;
/** Key of the profile of all requests that are never joined. */
const alone = '';

/** What is known of a model's runs, by signature, and how it is found out: in trials between the runs. */
export class Profiles {
  readonly #joiner: Joiner;
  readonly #settings: BatchSettings;
  readonly #run: (profile: Profile, ...trial: Parameters<TrialRun>) => ReturnType<TrialRun>;
  readonly #profiles = new Map<string, Profile>();
  readonly #trials = new Map<Profile, number>();
  #trial: Promise<void> | undefined;

  constructor(
    joiner: Joiner,
    settings: BatchSettings,
    run: (profile: Profile, ...trial: Parameters<TrialRun>) => ReturnType<TrialRun>,
  ) {
    this.#joiner = joiner;
    this.#settings = settings;
    this.#run = run;
  }

  of(form: RequestForm | undefined): Profile {
    const signature = form?.signature ?? alone;
    const known = this.#profiles.get(signature);
    if (known) return known;
    const profile = new Profile(this.#settings);
    this.#profiles.set(signature, profile);
    const [oldest] = this.#profiles;
    if (this.#profiles.size > profilesKept && oldest) {
      this.#profiles.delete(oldest[0]);
      this.#trials.delete(oldest[1]);
    }
    return profile;
  }

  /** From inputs that the model takes: how long runs take and whether joining pays. Errors: those of running. */
  async learn(inputs: Tensors): Promise<void> {
    const form = this.#joiner.formOf(inputs);
    const profile = this.of(form);
    if (form === undefined || profile.mostRows === 1) await this.#run(profile, inputs, 1);
    else await this.#prove(profile, this.#joiner.rowOf(inputs, 0));
  }

  /** One inference of each form that clients sent, the newest forms last. */
  get samples(): Tensors[] {
    return [...this.#profiles.values()].flatMap(({ sample }) => (sample ? [sample] : []));
  }

  /** Keeps a copy of one inference of the request's form, where there is none and it is small. */
  keepSample({ profile, inputs, runsAlone }: Request): void {
    if (profile.sample !== undefined) return;
    const sizeBytes = Object.values(inputs).reduce((sum, { data }) => sum + data.byteLength, 0);
    if (sizeBytes > sampleBytes) return;
    profile.sample = runsAlone ? copyOf(inputs) : this.#joiner.rowOf(inputs, 0);
  }

  /**
   * A copy of one inference of `request` to try joining with, when it is not known whether that is right, and another
   * request of the form waits: without one there is nothing to win.
   */
  sampleOf(request: Request, next: Request | undefined): Tensors | undefined {
    const { profile, runsAlone, inputs } = request;
    if (profile.joinability !== 'unproven' || runsAlone || profile.mostRows === 1) return undefined;
    if (this.#trial || next?.profile !== profile) return undefined;
    const trials = this.#trials.get(profile) ?? 0;
    return trials < mostTrials ? this.#joiner.rowOf(inputs, 0) : undefined;
  }

  /** Tries in the background; what fails is tried again with another sample, or not at all when the model refused it. */
  try(profile: Profile, sample: Tensors): void {
    this.#trials.set(profile, (this.#trials.get(profile) ?? 0) + 1);
    this.#trial = this.#prove(profile, sample)
      .catch((error: unknown) => {
        const isRefused = error instanceof CoveyError && error.code === 'INFERENCE_FAILED';
        if (isRefused) profile.joinability = 'refused';
      })
      .finally(() => {
        this.#trial = undefined;
      });
  }

  /** Resolves when no trial is under way. */
  async idle(): Promise<void> {
    await this.#trial;
  }

  #prove(profile: Profile, sample: Tensors): Promise<void> {
    return proveJoining(this.#joiner, profile, sample, (inputs, rows) => this.#run(profile, inputs, rows));
  }
}

function copyOf(inputs: Tensors): Tensors {
  const copies = Object.entries(inputs).map(([name, tensor]) => [
    name,
    { ...tensor, data: tensor.data.slice() },
  ]);
  return Object.fromEntries(copies);
}
