/** Geometry of a rolling-element bearing. */
export interface BearingGeometry {
  ballCount: number;
  ballDiameterMm: number;
  pitchDiameterMm: number;
  contactAngleRad: number;
}

/** Rates of a bearing's faults, as multiples of the shaft's rate. */
export interface FaultOrders {
  /** BPFO: balls passing a point of the outer race. */
  outerRace: number;
  /** BPFI: balls passing a point of the inner race. */
  innerRace: number;
  /** BSF: turns of a ball about its own axis. */
  ballSpin: number;
  /** FTF: turns of the cage. */
  cage: number;
}

/** Deep-groove ball bearing 6205-2RS, as in the drive end of the Case Western Reserve University test rig. */
export const bearing6205: BearingGeometry = {
  ballCount: 9,
  ballDiameterMm: 7.94,
  pitchDiameterMm: 39.04,
  contactAngleRad: 0,
};

/**
 * The kinematic fault rates of a bearing whose outer race stands still and whose balls roll without slip:
 * R. B. Randall and J. Antoni, "Rolling element bearing diagnostics - a tutorial", Mechanical Systems and Signal
 * Processing 25 (2011) 485-520, equations (1) to (4).
 */
export function faultOrders(geometry: BearingGeometry): FaultOrders {
  const { ballCount, ballDiameterMm, pitchDiameterMm, contactAngleRad } = geometry;
  const ratio = (ballDiameterMm / pitchDiameterMm) * Math.cos(contactAngleRad);
  return {
    outerRace: (ballCount / 2) * (1 - ratio),
    innerRace: (ballCount / 2) * (1 + ratio),
    ballSpin: (pitchDiameterMm / (2 * ballDiameterMm)) * (1 - ratio * ratio),
    cage: (1 - ratio) / 2,
  };
}
