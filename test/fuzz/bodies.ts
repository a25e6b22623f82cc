/** Bodies of every content type, mostly right, some damaged. */
import { stringify } from "yaml";
import type { Kind } from "../../src/api/kind.ts";
import { apiVersionOf } from "../../src/api/resource.ts";
import { encodeMessage, envelope } from "../../src/apiserver/protobuf/encode.ts";
import { hasNumbers } from "../../src/apiserver/protobuf/field-numbers.ts";
import { damaged } from "./damaged.ts";
import { damageBytes, damageJson } from "./mutate.ts";
import type { Random } from "./random.ts";
import { strange, Values } from "./values.ts";

export interface Body {
  readonly type: string;
  readonly bytes: Buffer;
}

const json = "application/json";
const protobuf = "application/vnd.kubernetes.protobuf";
const odd = [
  "text/plain",
  "application/cbor",
  "application/json;charset=utf-16",
  "*/*",
  "a/b;;;",
  "",
  "multipart/form-data",
];

export class Bodies {
  readonly #random: Random;
  readonly #values: Values;

  constructor(random: Random) {
    this.#random = random;
    this.#values = new Values(random);
  }

  data(kind: Kind, name: string | undefined, namespace: string | undefined): Record<string, unknown> {
    return damaged(this.#random, kind, this.#values, { name, namespace });
  }

  whole(kind: Kind, data: Record<string, unknown>): Body {
    const random = this.#random;
    if (kind.schema.startsWith("io.k8s.") && hasNumbers(kind.schema) && random.chance(0.25)) {
      const binary = this.#protobuf(kind, data);
      if (binary) return binary;
    }
    if (random.chance(0.15)) return this.#yaml(data);
    return this.#json(random.chance(0.03) ? random.pick(odd) : json, data);
  }

  patch(kind: Kind, data: Record<string, unknown>): Body {
    const random = this.#random;
    return random.oneOf([
      () => this.#json("application/merge-patch+json", data),
      () => this.#json("application/strategic-merge-patch+json", this.#directives(data)),
      () =>
        this.#json(
          "application/json-patch+json",
          Array.from({ length: random.int(5) }, () => this.#operation(data)),
        ),
      () => ({ ...this.#json(json, data), type: "application/apply-patch+yaml" }),
      () => ({ ...this.#yaml(data), type: "application/apply-patch+yaml" }),
      () => this.whole(kind, data),
    ]);
  }

  #json(type: string, data: unknown): Body {
    const random = this.#random;
    let text = JSON.stringify(data) ?? "";
    if (random.chance(0.08)) text = damageJson(random, text);
    const bytes = Buffer.from(text);
    return { type, bytes: random.chance(0.05) ? damageBytes(random, bytes) : bytes };
  }

  #yaml(data: unknown): Body {
    const random = this.#random;
    const text = random.chance(0.8)
      ? stringify(data)
      : random.pick([
          "a: &a [*a, *a]\n",
          "--- x\n--- y\n",
          "{",
          "? [a]\n: b\n",
          "a: !!js/function x\n",
          "<<: 1\n",
          "- ".repeat(3000),
          `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefg"
            .split("")
            .map((k, i) => `${k}: &${k} [${Array(9).fill(`*${"abcdefg"[i]}`)}]`)
            .join("\n")}\n`,
        ]);
    const bytes = Buffer.from(text);
    return { type: "application/yaml", bytes: random.chance(0.1) ? damageBytes(random, bytes) : bytes };
  }

  /** Undefined: the data has values that have no binary form. */
  #protobuf(kind: Kind, data: Record<string, unknown>): Body | undefined {
    const random = this.#random;
    try {
      const bytes = envelope(apiVersionOf(kind), kind.kind, encodeMessage(kind.schema, data));
      return { type: protobuf, bytes: random.chance(0.5) ? damageBytes(random, bytes) : Buffer.from(bytes) };
    } catch {
      return undefined;
    }
  }

  #directives(data: Record<string, unknown>): Record<string, unknown> {
    const random = this.#random;
    const patch = structuredClone(data);
    const spec = (patch.spec ?? patch) as Record<string, unknown>;
    if (!random.chance(0.5) || typeof spec !== "object" || Array.isArray(spec)) return patch;
    return Object.assign(patch, {
      spec: {
        ...spec,
        ...random.pick<object>([
          { $patch: random.pick(["delete", "replace", "merge", "x"]) },
          { "$setElementOrder/ports": random.pick<unknown>([[{ port: 80 }], [1], "x", null]) },
          { "$deleteFromPrimitiveList/finalizers": random.pick<unknown>([["x"], null, 3]) },
          { $retainKeys: random.pick<unknown>([["type"], "x", [null]]) },
          { ports: [{ $patch: "delete", port: 80 }, { $patch: "replace" }] },
        ]),
      },
    });
  }

  #operation(data: Record<string, unknown>): unknown {
    const random = this.#random;
    const pointer = (): unknown =>
      random.pick<unknown>([
        "/metadata/labels",
        "/metadata/name",
        "/spec/ports/0",
        "/spec/ports/-",
        "/spec/ports/99999999999",
        "/spec",
        "",
        "/",
        "x",
        "/metadata/labels/a~1b",
        "/metadata/labels/~2",
        "/__proto__/polluted",
        "/constructor/prototype/x",
        "/metadata/managedFields",
        null,
        5,
      ]);
    return {
      op: random.pick<unknown>(["add", "remove", "replace", "move", "copy", "test", "x", null]),
      path: pointer(),
      ...(random.chance(0.8) ? { value: random.chance(0.5) ? random.pick(strange) : data.spec } : {}),
      ...(random.chance(0.3) ? { from: pointer() } : {}),
    };
  }
}
