/** Every command of kubectl that needs only the API, with every kubectl of the machine. */
import { after, describe, test } from "node:test";
import { commands, isKnownTo, open } from "./matrix/matrix.ts";
import { findKubectls, skip } from "./run-kubectl.ts";

const programs = skip ? [] : findKubectls();
if (skip) test("kubectl", { skip }, () => {});

// Two at a time: many of their commands wait.
describe("every kubectl", { concurrency: 2 }, () => {
  for (const program of programs) {
    describe(`kubectl ${program.version}`, { concurrency: 1 }, async () => {
      const session = await open(program, after);
      for (const command of commands) {
        test(command.name, { skip: isKnownTo(program, command) ? false : "this kubectl does not have it" }, () =>
          command.run(session),
        );
      }
    });
  }
});
