/** The packet table is long for an emulated processor: each machine runs a part of it, and together they run all. */
const matrix = "^P250 (TCP|UDP|SCTP)";
const balance = "^P61 ";

export const parts = {
  matrix,
  balance,
  /** All others. */
  rest: `^(?!${[matrix, balance].join("|").replaceAll("^", "")})`,
} as const;
