/** Empty texts, zeros and false count as missing where Kubernetes' type is no pointer, and are not written. In place. */
export function dropEmpty<T extends object>(object: T, fields: readonly (keyof T)[]): void {
  for (const field of fields) if (!object[field]) delete object[field];
}
