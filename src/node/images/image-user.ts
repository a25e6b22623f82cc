/** The user that an image names (pure). Source: OCI image-spec, config.md, "User"; passwd(5), group(5). */

export interface UserFiles {
  /** Of the image; empty when it has none. */
  readonly passwd: string;
  readonly group: string;
}

export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
  /** Those of /etc/group that have it as a member. */
  readonly groups?: readonly number[];
}

const isNumber = (text: string): boolean => /^\d+$/.test(text);

function lookUp(file: string, matches: (fields: readonly string[]) => boolean): readonly string[] | undefined {
  return file
    .split("\n")
    .map((line) => line.split(":"))
    .find((fields) => fields.length >= 3 && matches(fields));
}

function memberOf(name: string, group: string): number[] {
  const fields = group.split("\n").map((line) => line.split(":"));
  return fields.flatMap(([, , gid, members = ""]) => (members.split(",").includes(name) ? [Number(gid)] : []));
}

/** `text` is "user", "uid", "user:group", "uid:gid" and so on; undefined when the image's files do not know a name of it. */
export function findImageUser(text: string, { passwd, group }: UserFiles): ImageUser | undefined {
  const [user = "", groupName] = text.split(":");
  const account = lookUp(passwd, (fields) => fields[isNumber(user) ? 2 : 0] === user);
  const uid = isNumber(user) ? user : account?.[2];
  const ownGid = account?.[3] ?? "0";
  const namedGid = groupName && !isNumber(groupName) ? lookUp(group, ([name]) => name === groupName)?.[2] : groupName;
  const gid = groupName ? namedGid : ownGid;
  if (uid === undefined || gid === undefined) return undefined;
  const groups = account && memberOf(account[0] ?? "", group);
  return { uid: Number(uid), gid: Number(gid), ...(groups && groups.length > 0 && { groups }) };
}
