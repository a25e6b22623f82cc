/** Prints, as Markdown, which command works with which kubectl of the machine. Arguments: more programs than the PATH has. */
import { commands, isKnownTo, open } from "../test/kubectl/matrix/matrix.ts";
import { findKubectls, type Program } from "../test/kubectl/run-kubectl.ts";

async function column(program: Program): Promise<string[]> {
  const ends: (() => void | Promise<void>)[] = [];
  const session = await open(program, (end) => ends.push(end));
  const cells: string[] = [];
  for (const command of commands) {
    if (!isKnownTo(program, command)) cells.push("–");
    else {
      try {
        await command.run(session);
        cells.push("pass");
      } catch (error) {
        console.error(`${program.version}: ${command.name}: ${error instanceof Error ? error.message : error}`);
        cells.push("FAIL");
      }
    }
  }
  for (const end of ends) await end();
  return cells;
}

const given = process.argv.slice(2).map((text): Program => {
  const [version = "", path = ""] = text.split("=");
  return { version, path };
});
const programs = [...findKubectls(), ...given];
const columns: string[][] = [];
for (const program of programs) columns.push(await column(program));
console.log(`| command | ${programs.map(({ version }) => version).join(" | ")} |`);
console.log(`| --- |${programs.map(() => " --- |").join("")}`);
for (const [row, { name }] of commands.entries()) {
  console.log(`| ${name.replaceAll("|", "\\|")} | ${columns.map((cells) => cells[row]).join(" | ")} |`);
}
process.exit(columns.flat().includes("FAIL") ? 1 : 0);
