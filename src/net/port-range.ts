/** Ranges of port numbers with inclusive ends, as `--service-node-port-range` writes them. Example: "30000-32767". */

export interface PortRange {
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
}

/** Reads "first-last", "first+count" (count further ports) or one port; 1 to 65535, blanks trimmed. Undefined for any other text. */
export function parsePortRange(text: string): PortRange | undefined {
  const match = /^\s*(\d{1,5})(?:([-+])(\d{1,5}))?\s*$/.exec(text);
  if (!match) return undefined;
  const first = Number(match[1]);
  const second = Number(match[3]);
  const last = match[2] === undefined ? first : match[2] === "-" ? second : Math.min(first + second, 65535);
  return first < 1 || last < first || last > 65535 ? undefined : { first, last };
}

export function formatPortRange({ first, last }: PortRange): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

export function portRangeContains({ first, last }: PortRange, port: number): boolean {
  return port >= first && port <= last;
}

/** Number of ports. */
export function portRangeSize({ first, last }: PortRange): number {
  return last - first + 1;
}

/** True for a whole number from 1 to 65535. */
export function isPortNumber(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}
