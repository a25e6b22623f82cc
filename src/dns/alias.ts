/** The answer for an ExternalName whose target another server knows: the aliases, then what that server answered. */
import { type Body, encodeBody } from "./body.ts";
import { RCODE } from "./wire/constants.ts";
import { decodeMessage, MessageError } from "./wire/decode.ts";
import type { Query } from "./wire/query.ts";
import type { DnsRecord } from "./wire/record.ts";

/**
 * `body` answers a question for the last alias's target. A failure stays a failure (with the aliases), so that nobody remembers it as "no address".
 * With nobody to ask (`body` undefined) the alias alone is the answer, for the asker to follow.
 */
export function aliasBody(
  query: Query,
  aliases: readonly DnsRecord[],
  reply: { target: string; body: Body } | undefined,
): Body {
  if (!reply) return encodeBody(query.name, { answers: aliases });
  const { target, body } = reply;
  const failed = body.rcode !== RCODE.NOERROR && body.rcode !== RCODE.NXDOMAIN;
  const found = failed ? { answers: [], authority: [] } : recordsOf(target, body);
  const rcode = failed ? RCODE.SERVFAIL : body.rcode;
  const encoded = encodeBody(
    query.name,
    { answers: [...aliases, ...found.answers], authority: found.answers.length === 0 ? found.authority : [] },
    { rcode },
  );
  return body.truncated ? { ...encoded, truncated: true } : encoded;
}

/** Decodes the body as if it stood behind a question for `target`, as its pointers expect. */
function recordsOf(target: string, body: Body): { answers: readonly DnsRecord[]; authority: readonly DnsRecord[] } {
  const head = Buffer.alloc(12 + target.length + 1 + 4);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(body.answers, 6);
  head.writeUInt16BE(body.authority, 8);
  head.write(target, 12, "latin1");
  try {
    return decodeMessage(Buffer.concat([head, body.bytes]));
  } catch (error) {
    if (error instanceof MessageError) return { answers: [], authority: [] };
    throw error;
  }
}
