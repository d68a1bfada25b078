/** Ports of a fleet on one machine. 0: any that is free. */
export interface FleetPorts {
  admin: number;
  mqtt: number;
  device: number;
  inference(deviceIndex: number): number;
}

/** The standard ports, or a block that begins at `first`. */
export function fleetPorts(first: number | undefined): FleetPorts {
  if (first === undefined)
    return { admin: 8080, mqtt: 8883, device: 8443, inference: (index) => 8000 + 10 * index };
  if (first === 0) return { admin: 0, mqtt: 0, device: 0, inference: () => 0 };
  return { admin: first, mqtt: first + 1, device: first + 2, inference: (index) => first + 10 * (index + 1) };
}
