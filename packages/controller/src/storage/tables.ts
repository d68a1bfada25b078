import type { Generated, Kysely, Transaction } from 'kysely';

/**
 * The controller's tables as Kysely sees them; migrations.ts creates them. Times are unix milliseconds, columns named after
 * a document (`tags`, `plan`, `desired`, ...) hold its JSON as text, flags are 0 or 1.
 */
export interface Tables {
  models: ModelsTable;
  versions: VersionsTable;
  contents: ContentsTable;
  channels: ChannelsTable;
  transfers: TransfersTable;
  devices: DevicesTable;
  certificates: CertificatesTable;
  boots: BootsTable;
  sequences: SequencesTable;
  tokens: TokensTable;
  rollouts: RolloutsTable;
  rollout_devices: RolloutDevicesTable;
  audit: AuditTable;
  events: EventsTable;
  metrics: MetricsTable;
  device_metrics: DeviceMetricsTable;
  deliveries: DeliveriesTable;
  summaries: SummariesTable;
  trust_files: TrustFilesTable;
  link_changes: LinkChangesTable;
  link_change_devices: LinkChangeDevicesTable;
}

/** Outside a transaction every statement is a transaction of its own. */
export type Db = Kysely<Tables>;
/** Inside `Storage.transaction`; goes wherever a `Db` goes. */
export type Tx = Transaction<Tables>;

export interface ModelsTable {
  name: string;
  created_at: number;
  next_number: Generated<number>;
}

export interface VersionsTable {
  model: string;
  version: string;
  number: number;
  digest: string;
  manifest: string;
  created_at: number;
  published_by: string;
}

/** What versions are made of, by digest. */
export interface ContentsTable {
  sha256: string;
  model: string;
  version: string;
  /** Of the file; '': it is a chunk. */
  path: string;
}

export interface ChannelsTable {
  model: string;
  channel: string;
  version: string;
}

/** Files as devices fetch them, see transfers/. */
export interface TransfersTable {
  /** Digests of files; '': from nothing. */
  target: string;
  base: string;
  codec: number;
  /** `useless`: it would save nothing. `failed`: it was begun and did not end, also while it is under way. */
  outcome: 'made' | 'useless' | 'failed';
  /** Of the one that was made, a blob. */
  sha256: string | null;
  size_bytes: number;
  /** Of `failed`: how often in a row, and when it may be tried again. */
  attempts: number;
  retry_at: number;
  /** When it was last asked for, give or take ten minutes. */
  used_at: number;
}

export interface DevicesTable {
  id: string;
  tags: string;
  enrolled_at: number;
  /** Since when every certificate of the device is refused; null: it is not. */
  revoked_at: Generated<number | null>;
  /** Why, while it is: only after a reset may the id be enrolled again. */
  refusal: Generated<DeviceRefusal | null>;
  /** The last sign that two machines use this identity: `{ at, evidence, message }`. */
  clone: Generated<string | null>;
  birth: Generated<string | null>;
  boot_id: Generated<string | null>;
  online: Generated<number>;
  last_seen_at: Generated<number | null>;
  /** A `Desired` document; `now` is set when it is sent. */
  desired: Generated<string | null>;
  desired_generation: Generated<number>;
  reported: Generated<string | null>;
  reported_at: Generated<number | null>;
  /** `LinkSettings` that the device is to use; null: those it has. */
  link: Generated<string | null>;
}

export type DeviceRefusal = 'revoked' | 'reset' | 'quarantined';

/** Every certificate a device ever had. */
export interface CertificatesTable {
  /** SHA-256 of the DER, hex: what a TLS peer shows is looked up by it, whoever issued it. */
  fingerprint: string;
  device: string;
  /** Lower-case hex without leading zeros. */
  serial: string;
  /** SHA-256 of the public key (SPKI), hex: the same device asking again is told from another one. */
  key_fingerprint: string;
  /** SHA-256 of the own authority's certificate, hex, or `external`. */
  issuer: string;
  issued_at: number;
  expires_at: number;
  /** `issued`: not used yet; its first use makes it `current` and the one before `superseded`. `withdrawn`: revoked or reset. */
  state: 'issued' | 'current' | 'superseded' | 'withdrawn';
  changed_at: number;
}

/** Starts of a device's agent, the last ones, in the order in which they were first heard of. */
export interface BootsTable {
  id: Generated<number>;
  device: string;
  boot_id: string;
  at: number;
  /** 1: with it the device counted its messages anew from an earlier state. */
  went_back: number;
}

/** What has arrived from a device: everything up to `up_to` but for `missing`. Owned by ingest. */
export interface SequencesTable {
  device: string;
  up_to: number;
  /** JSON array of sequence numbers, ascending. */
  missing: string;
  /** Of the last birth. */
  boot_id: string | null;
  /** 1 while the device is to be asked for a birth. */
  rebirth: number;
}

export interface TokensTable {
  id: string;
  /** SHA-256, hex. The secret itself is stored nowhere. */
  secret_hash: string;
  tags: string;
  max_uses: number;
  uses: Generated<number>;
  expires_at: number;
  revoked_at: Generated<number | null>;
  created_at: number;
  created_by: string;
}

export interface RolloutsTable {
  id: string;
  plan: string;
  state: string;
  reason: string | null;
  /** Index of the wave under way. */
  wave: number;
  /** JSON array of the waves' states. */
  waves: string;
  created_at: number;
  created_by: string;
  updated_at: number;
  wave_started_at: number | null;
}

export interface RolloutDevicesTable {
  rollout: string;
  device: string;
  wave: number;
  state: string;
  generation: number | null;
  previous: string | null;
  reason: string | null;
  evidence: string | null;
  updated_at: number;
}

export interface AuditTable {
  id: Generated<number>;
  at: number;
  actor: string;
  action: string;
  subject: string;
  detail: string;
}

export interface EventsTable {
  id: Generated<number>;
  device: string;
  at: number;
  kind: string;
  message: string;
  model: string | null;
  version: string | null;
}

export interface MetricsTable {
  device: string;
  model: string;
  version: string;
  variant: string;
  provider: string;
  /** Minutes since the epoch. */
  minute: number;
  requests: number;
  errors: number;
  rejected: number;
  latency: Uint8Array;
}

export interface DeviceMetricsTable {
  device: string;
  at: number;
  system: string;
}

export interface SummariesTable {
  device: string;
  model: string;
  version: string;
  variant: string;
  from_ms: number;
  to_ms: number;
  summary: Uint8Array;
}

/** TUF metadata. Of root every version is kept: devices go from one to the next. */
export interface TrustFilesTable {
  /** `root`, `targets`, `snapshot`, `timestamp`, or a delegated role. */
  role: string;
  version: number;
  bytes: Uint8Array;
}

/** Bytes that went to devices, by rollout (`rollout-1`) and by site of a rollout (`rollout-1/lab`). */
export interface DeliveriesTable {
  account: string;
  bytes: number;
  /** Of UTC, `2026-03-29`; `today_bytes` went in it. */
  day: string;
  today_bytes: number;
}

/** Changes of the way to the controller; owned by links. */
export interface LinkChangesTable {
  id: string;
  plan: string;
  state: string;
  reason: string | null;
  /** Index of the wave under way. */
  wave: number;
  created_at: number;
  created_by: string;
  updated_at: number;
}

export interface LinkChangeDevicesTable {
  change: string;
  device: string;
  wave: number;
  state: string;
  reason: string | null;
  /** When it was told. */
  moved_at: number | null;
}
