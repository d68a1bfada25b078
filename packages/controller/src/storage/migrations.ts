/**
 * Steps from an empty database to the present schema. A step that has been released is never changed; a new one is added at
 * the end. The number of steps taken is the database's schema version (`user_version`).
 */
export const migrations: readonly string[] = [
  `
  create table models (
    name text primary key,
    created_at integer not null,
    next_number integer not null default 1
  );
  create table versions (
    model text not null references models (name),
    version text not null,
    number integer not null,
    digest text not null unique,
    manifest text not null,
    created_at integer not null,
    published_by text not null,
    primary key (model, version)
  );
  create unique index versions_by_number on versions (model, number);
  create table contents (
    sha256 text not null,
    model text not null,
    version text not null,
    path text not null,
    primary key (sha256, model, version, path),
    foreign key (model, version) references versions (model, version)
  );
  create table channels (
    model text not null,
    channel text not null,
    version text not null,
    primary key (model, channel),
    foreign key (model, version) references versions (model, version)
  );
  create table transfers (
    target text not null,
    base text not null,
    codec integer not null,
    outcome text not null,
    sha256 text,
    size_bytes integer not null,
    attempts integer not null,
    retry_at integer not null,
    used_at integer not null,
    primary key (target, base, codec)
  );
  create index transfers_by_use on transfers (outcome, used_at);
  create table devices (
    id text primary key,
    tags text not null,
    enrolled_at integer not null,
    revoked_at integer,
    refusal text,
    clone text,
    birth text,
    boot_id text,
    online integer not null default 0,
    last_seen_at integer,
    desired text,
    desired_generation integer not null default 0,
    reported text,
    reported_at integer,
    link text
  );
  create table sequences (
    device text primary key references devices (id),
    up_to integer not null,
    missing text not null,
    boot_id text,
    rebirth integer not null
  );
  create table certificates (
    fingerprint text primary key,
    device text not null references devices (id),
    serial text not null,
    key_fingerprint text not null,
    issuer text not null,
    issued_at integer not null,
    expires_at integer not null,
    state text not null,
    changed_at integer not null
  );
  create index certificates_by_device on certificates (device, issued_at);
  create table boots (
    id integer primary key autoincrement,
    device text not null references devices (id),
    boot_id text not null,
    at integer not null,
    went_back integer not null
  );
  create index boots_by_device on boots (device, id);
  create table tokens (
    id text primary key,
    secret_hash text not null,
    tags text not null,
    max_uses integer not null,
    uses integer not null default 0,
    expires_at integer not null,
    revoked_at integer,
    created_at integer not null,
    created_by text not null
  );
  create table rollouts (
    id text primary key,
    plan text not null,
    state text not null,
    reason text,
    wave integer not null,
    waves text not null,
    created_at integer not null,
    created_by text not null,
    updated_at integer not null,
    wave_started_at integer
  );
  create index rollouts_by_state on rollouts (state);
  create table rollout_devices (
    rollout text not null references rollouts (id),
    device text not null references devices (id),
    wave integer not null,
    state text not null,
    generation integer,
    previous text,
    reason text,
    evidence text,
    updated_at integer not null,
    primary key (rollout, device)
  );
  create index rollout_devices_by_device on rollout_devices (device);
  create table audit (
    id integer primary key autoincrement,
    at integer not null,
    actor text not null,
    action text not null,
    subject text not null,
    detail text not null
  );
  create index audit_by_subject on audit (subject, id);
  create table events (
    id integer primary key autoincrement,
    device text not null references devices (id),
    at integer not null,
    kind text not null,
    message text not null,
    model text,
    version text
  );
  create index events_by_device on events (device, id);
  create table metrics (
    device text not null references devices (id),
    model text not null,
    version text not null,
    variant text not null,
    provider text not null,
    minute integer not null,
    requests integer not null,
    errors integer not null,
    rejected integer not null,
    latency blob not null,
    primary key (device, model, version, variant, provider, minute)
  );
  create index metrics_by_model on metrics (model, minute);
  create table device_metrics (
    device text primary key references devices (id),
    at integer not null,
    system text not null
  );
  create table summaries (
    device text not null references devices (id),
    model text not null,
    version text not null,
    variant text not null,
    from_ms integer not null,
    to_ms integer not null,
    summary blob not null
  );
  create index summaries_by_model on summaries (model, version, from_ms);
  create index summaries_by_device on summaries (device, from_ms);
  create table link_changes (
    id text primary key,
    plan text not null,
    state text not null,
    reason text,
    wave integer not null,
    created_at integer not null,
    created_by text not null,
    updated_at integer not null
  );
  create table link_change_devices (
    change text not null references link_changes (id),
    device text not null references devices (id),
    wave integer not null,
    state text not null,
    reason text,
    moved_at integer,
    primary key (change, device)
  );
  create table trust_files (
    role text not null,
    version integer not null,
    bytes blob not null,
    primary key (role, version)
  );
  create table deliveries (
    account text primary key,
    bytes integer not null,
    day text not null,
    today_bytes integer not null
  );
  `,
];
