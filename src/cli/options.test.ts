import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { UsageError } from "./errors.ts";
import { formatOptions, parseOptions } from "./options.ts";

const options = {
  filename: { type: "string", short: "f", multiple: true, value: "FILE", help: "manifests" },
  detach: { type: "boolean", help: "in the background" },
  data: { type: "string", value: "DIR", help: "data folder" },
} as const;

describe("parseOptions()", () => {
  test("values, repeats, and what stands after --", () => {
    const { values, rest } = parseOptions(["-f", "a", "--filename=b", "--detach", "--", "curl", "-s"], options);
    assert.deepEqual({ ...values }, { filename: ["a", "b"], detach: true });
    assert.deepEqual(rest, ["curl", "-s"]);
  });
  const wrong = [
    { name: "an unknown option", args: ["--what"], message: /Unknown option '--what'/ },
    { name: "a value that is missing", args: ["--data"], message: /--data/ },
    { name: "an argument too many", args: ["x"], message: /Unexpected argument "x"/ },
  ];
  for (const { name, args, message } of wrong) {
    test(name, () => {
      assert.throws(
        () => parseOptions(args, options),
        (error) => error instanceof UsageError && message.test(error.message) && !error.message.includes("\n"),
      );
    });
  }
});

test("formatOptions() lines up the help", () => {
  assert.equal(
    formatOptions({ data: options.data, detach: options.detach }),
    "      --data DIR  data folder\n      --detach    in the background",
  );
});
