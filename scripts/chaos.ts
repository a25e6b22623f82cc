/** Kills containers, agents and nodes at random, and looks whether anything leaked: `npm run chaos -- [KILLS] [SEED]`. */
import { runChaos } from "../test/chaos/chaos.ts";

const [kills = 300, seed = Date.now() % 1_000_000] = process.argv.slice(2).map(Number);
console.log(`${kills} kills, seed ${seed}`);
const result = await runChaos({ kills, seed, say: console.log });
console.table(Object.fromEntries(result.kills));
console.log(`Everything is as the API says ${(result.settledMs / 1000).toFixed(0)} s after the last kill`);
console.log(result.left.length === 0 ? "Nothing is left" : `Left: ${result.left.join("\n")}`);
process.exit(result.left.length === 0 ? 0 : 1);
