import { CoveyError } from '@covey/protocol';
import type { Link, LinkOptions } from '../ports.ts';
import type { SimulatedWorld } from './world.ts';

export interface BrokerHandlers {
  /** Throws to refuse. */
  onConnect?: (clientId: string) => void;
  /** What arrives, the will of a lost client included. */
  onMessage: (clientId: string, topic: string, payload: Uint8Array) => void;
}
export interface SimulatedBroker {
  link: Link;
  isUp: boolean;
  latencyMs: number;
  isConnected(clientId: string): boolean;
  /** Delivers to a connected client that subscribed to the topic; otherwise the message is lost, as with MQTT and no session. */
  send(clientId: string, topic: string, payload: Uint8Array): void;
  /** Breaks the connection: what is under way is lost, the will is sent. */
  cut(clientId: string): void;
}

interface Connection {
  options: LinkOptions;
  topics: Set<string>;
}

/** MQTT as far as the `link` port shows it: one session per client id, wills, QoS 1 acknowledgements, literal topics. */
export function simulatedBroker(world: SimulatedWorld, handlers: BrokerHandlers): SimulatedBroker {
  const connections = new Map<string, Connection>();
  const wait = () => new Promise<void>((resolve) => world.clock.setTimer(broker.latencyMs, resolve));
  const isOpen = (connection: Connection) => connections.get(connection.options.clientId) === connection;
  const close = (connection: Connection, reason: string, withWill: boolean) => {
    if (!isOpen(connection)) return;
    const { clientId, will, onClose } = connection.options;
    connections.delete(clientId);
    if (withWill) handlers.onMessage(clientId, will.topic, will.payload);
    onClose(reason);
  };
  /** One crossing of the network; fails when the connection did not outlive it. */
  const cross = async (connection: Connection) => {
    await wait();
    if (!isOpen(connection)) throw new CoveyError('UNREACHABLE', 'not connected');
  };
  const broker: SimulatedBroker = {
    isUp: true,
    latencyMs: 10,
    isConnected: (clientId) => connections.has(clientId),
    send: (clientId, topic, payload) => {
      const connection = connections.get(clientId);
      if (!connection?.topics.has(topic)) return;
      world.clock.setTimer(
        broker.latencyMs,
        () => isOpen(connection) && connection.options.onMessage(topic, payload),
      );
    },
    cut: (clientId) => {
      const connection = connections.get(clientId);
      if (connection) close(connection, 'connection lost', true);
    },
    link: {
      connect: async (options) => {
        await wait();
        if (!broker.isUp) throw new CoveyError('UNREACHABLE', `cannot connect to ${options.url}`);
        handlers.onConnect?.(options.clientId);
        const before = connections.get(options.clientId);
        if (before) close(before, 'another connection took over', true);
        const connection: Connection = { options, topics: new Set() };
        connections.set(options.clientId, connection);
        return {
          subscribe: async (topics) => {
            await cross(connection);
            for (const topic of topics) connection.topics.add(topic);
          },
          publish: async (topic, payload, qos) => {
            await cross(connection);
            handlers.onMessage(options.clientId, topic, payload);
            if (qos === 1) await cross(connection);
          },
          end: async ({ graceful }) => close(connection, 'ended by this side', !graceful),
        };
      },
    },
  };
  return broker;
}
