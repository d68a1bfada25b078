/**
 * What code may ask of the world. Agent and controller take these in and touch nothing else, so that the simulator can run
 * the real code on virtual time with a faulty network and disk.
 */
export interface Ports {
  clock: Clock;
  random: Random;
  disk: Disk;
  link: Link;
  fetch: Fetch;
  processes: Processes;
  host: Host;
  log: Log;
}

export interface Clock {
  /** Unix milliseconds. May jump. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. Durations are measured with this one. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`. A waiting timer does not keep the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer;
}
export interface Timer {
  cancel(): void;
}

export interface Random {
  /** Cryptographically strong in the real world, seeded in the simulator. */
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1). */
  fraction(): number;
}

/** Files below the folders the caller owns. Paths are absolute. Errors keep their errno as cause; a full disk is DISK_FULL. */
export interface Disk {
  /** The whole file, or undefined when there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  readRange(path: string, offset: number, sizeBytes: number): Promise<Uint8Array>;
  /** Replaces the file durably: temporary file, fsync, rename, fsync of the folder. After a power cut it is the old or the new. Mode 0600. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Appends; with `sync` the bytes are on the medium when this resolves. */
  append(path: string, bytes: Uint8Array, options: { sync: boolean }): Promise<void>;
  /** Cuts the file to its first `sizeBytes` bytes, on the medium when this resolves. */
  truncate(path: string, sizeBytes: number): Promise<void>;
  /** Moves a file or folder durably; what a file held unsynced stays unsynced. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a folder with all in it; absent is fine. */
  remove(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  /** Entries of a folder sorted by name; empty when there is none. */
  list(folder: string): Promise<DiskEntry[]>;
  freeBytes(folder: string): Promise<number>;
}
export interface DiskEntry {
  name: string;
  isFolder: boolean;
  sizeBytes: number;
}

/** One MQTT connection at a time; reconnecting, with its jitter, is the caller's. */
export interface Link {
  /** Resolves when the broker has accepted. Errors: UNREACHABLE, UNAUTHENTICATED, TIMEOUT, CA_MISMATCH, PROXY_REFUSED, PROXY_UNREACHABLE. */
  connect(options: LinkOptions): Promise<LinkSession>;
}
export interface LinkOptions {
  /** mqtts://host:port, or wss://host:port/path: MQTT over WebSocket; mqtt:// without TLS. */
  url: string;
  clientId: string;
  tls?: ClientTls;
  will: { topic: string; payload: Uint8Array };
  keepaliveSeconds: number;
  connectTimeoutMs: number;
  onMessage: (topic: string, payload: Uint8Array) => void;
  /** Called once when the connection has ended, whoever ended it. */
  onClose: (reason: string) => void;
}
/** PEM texts. The server must be one of `ca`; what shows its `certificate` need not. */
export interface ClientTls {
  ca: string;
  certificate?: string;
  key?: string;
}
export interface LinkSession {
  /** Errors: FORBIDDEN when the broker refuses a topic. */
  subscribe(topics: string[]): Promise<void>;
  /** QoS 1 resolves with the broker's acknowledgement, which is not delivery. */
  publish(topic: string, payload: Uint8Array, qos: 0 | 1): Promise<void>;
  /** Ends gracefully (the will is not sent), or abruptly. */
  end(options: { graceful: boolean }): Promise<void>;
}

/**
 * One HTTP exchange with bounds. Errors: UNREACHABLE, TIMEOUT, PAYLOAD_TOO_LARGE, CA_MISMATCH, PROXY_REFUSED,
 * PROXY_UNREACHABLE, CANCELLED. Any status is an answer, not an error.
 */
export type Fetch = (request: FetchRequest) => Promise<FetchAnswer>;
export interface FetchRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  headers?: Record<string, string>;
  body?: Uint8Array;
  /**
   * `ca` alone for server TLS, all three for mutual TLS; absent: the system's authorities. `insecureReadOfCa` verifies nobody:
   * only to read a CA whose fingerprint is compared next, never to send anything or to believe what comes back.
   */
  tls?: ClientTls | { insecureReadOfCa: true };
  /** Of the whole exchange; with `onPart` the longest silence, time that `onPart` takes not counted. */
  timeoutMs: number;
  maxBytes: number;
  /**
   * Takes the body of a 2xx answer as it comes, in order, instead of in one; `answer.body` is then empty. Nothing more is
   * read until the promise resolves, which is how a reader slows the sender down. Rejecting ends the exchange with that error.
   */
  onPart?: (part: Uint8Array, head: FetchHead) => Promise<void>;
  /** Ends the exchange; it then rejects with CANCELLED. */
  signal?: AbortSignal;
}
export interface FetchHead {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
}
export interface FetchAnswer extends FetchHead {
  body: Uint8Array;
}

export interface Processes {
  /** Starts a Node process of ours with an IPC channel (structured clone). `module` is a file URL, see import.meta.resolve. */
  start(spec: ProcessSpec): Child;
}
export interface ProcessSpec {
  module: string;
  /** Flags for node, such as memory caps. */
  nodeFlags: string[];
  /** The kernel should end this process first when memory is short. */
  firstToDie: boolean;
  /** Called for every line on standard error. */
  onErrorLine: (line: string) => void;
  onMessage: (message: unknown) => void;
  /** Called exactly once. */
  onExit: (exit: ProcessExit) => void;
}
export interface ProcessExit {
  code: number | null;
  signal: string | null;
}
export interface Child {
  pid: number;
  /** Does nothing when the process has ended. */
  send(message: unknown): void;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** The machine this runs on. */
export interface Host {
  describe(): HostDescription;
  /** Resident bytes of this process and of the child `pid`, null when it is gone; share of one core used by both since the last call. */
  usage(pid: number | null): Promise<HostUsage>;
  /** Resident bytes of the process `pid`, null when it is gone; bytes that programs may still take before the machine, or this container, runs short. */
  memory(pid: number): Promise<{ residentBytes: number | null; freeBytes: number }>;
}
export interface HostDescription {
  os: string;
  arch: string;
  cpu: string;
  cores: number;
  memoryBytes: number;
  /** IANA name of the time zone that its clock is set to. */
  timeZone: string;
}
export interface HostUsage {
  rssBytes: number;
  childRssBytes: number | null;
  /** Share of one core, 0..n. */
  cpu: number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export interface Log {
  write(level: LogLevel, message: string, fields?: Record<string, unknown>): void;
  /** The same log with a component name on every line. */
  component(name: string): Log;
}
