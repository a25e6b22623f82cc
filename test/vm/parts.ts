/**
 * The packet table is long for an emulated processor: each machine runs a part of it, and together they run all. The
 * suite `vm` runs the quick part; the others, of many probes each, are the suite `vm-table`.
 */
const matrix = "^P250 TCP|^P250 UDP|^P250 SCTP";
const balance = "^P61 ";

/** Statements whose tests ask few questions. */
const quickNumbers = [
  ...[1, 2, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 22, 23, 24],
  ...[39, 40, 43, 44, 47, 51, 52, 54, 55, 56, 57, 58, 63, 64, 65, 66, 67, 68, 69, 70, 72, 73],
  ...[80, 81, 85, 86, 87, 89, 90, 91, 92, 93, 94, 95, 107, 108, 109, 111, 112, 113, 116, 118],
  ...[121, 123, 125, 126, 127, 129, 130, 134, 135, 139, 252, 253, 254, 255, 257, 258, 261, 262, 263],
];
const quick = `^P(${quickNumbers.join("|")}) `;

export const parts = {
  quick,
  matrix,
  balance,
  /** All others. */
  rest: `^(?!${[quick, matrix, balance].join("|").replaceAll("^", "")})`,
} as const;
