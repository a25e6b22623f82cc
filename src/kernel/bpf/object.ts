/**
 * An object file of `clang -target bpf` → programs and maps. Pure. Maps are declared in section "maps", each a symbol on five
 * 32-bit numbers (struct map_definition in programs/kernel.h); programs refer to them by relocations.
 *
 *   ELF header ─▶ section headers ─▶ "maps", ".symtab", ".strtab", "cgroup/connect4", ".relcgroup/connect4", …
 */
import { type Section, sections } from "./constants.ts";
import type { MapShape } from "./syscall.ts";

export interface BpfProgram {
  readonly section: Section;
  readonly instructions: Buffer;
  /** Byte offset of an instruction → the map whose descriptor it loads. */
  readonly maps: ReadonlyMap<number, string>;
}

export interface BpfObject {
  readonly maps: ReadonlyMap<string, MapShape>;
  readonly programs: readonly BpfProgram[];
}

interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly bytes: Buffer;
  /** For relocations: index of the section that they are for. */
  readonly info: number;
}

interface ElfSymbol {
  readonly name: string;
  readonly section: number;
  readonly value: number;
}

/** elf.h */
const ELF_MAGIC = 0x464c457f;
const EM_BPF = 247;
const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_REL = 9;
const R_BPF_64_64 = 1;
const sizes = { sectionHeader: 64, symbol: 24, relocation: 16, instruction: 8, mapDefinition: 20 } as const;

/** Throws SyntaxError for anything but a little-endian 64-bit object for eBPF with sections and maps that we know. */
export function parseObject(file: Buffer): BpfObject {
  if (file.length < 64 || file.readUInt32LE(0) !== ELF_MAGIC)
    throw new SyntaxError("Cannot read the eBPF object: it is no ELF file");
  if (file[4] !== 2 || file[5] !== 1 || file.readUInt16LE(18) !== EM_BPF)
    throw new SyntaxError("Cannot read the eBPF object: it is not for little-endian eBPF");
  const elf = parseSections(file);
  const symbols = parseSymbols(elf);
  const mapsIndex = elf.findIndex(({ name }) => name === "maps");
  const maps = new Map(
    symbols
      .filter(({ section, name }) => section === mapsIndex && name !== "")
      .map(({ name, value }) => [name, parseMap(elf[mapsIndex]?.bytes, value, name)]),
  );
  const programs = elf.flatMap(({ name, type, bytes }, index) => {
    if (type !== SHT_PROGBITS || !isSection(name) || bytes.length === 0) return [];
    return [{ section: name, instructions: bytes, maps: parseRelocations({ elf, symbols, index, maps }) }];
  });
  return { maps, programs };
}

const isSection = (name: string): name is Section => name in sections;

function parseSections(file: Buffer): ElfSection[] {
  const start = Number(file.readBigUInt64LE(40));
  const count = file.readUInt16LE(60);
  const headers = Array.from({ length: count }, (_, n) => {
    const at = start + n * sizes.sectionHeader;
    if (at + sizes.sectionHeader > file.length) throw new SyntaxError("Cannot read the eBPF object: it is cut off");
    const [offset, size] = [Number(file.readBigUInt64LE(at + 24)), Number(file.readBigUInt64LE(at + 32))];
    return {
      nameAt: file.readUInt32LE(at),
      type: file.readUInt32LE(at + 4),
      bytes: file.subarray(offset, offset + size),
      info: file.readUInt32LE(at + 44),
    };
  });
  const names = headers[file.readUInt16LE(62)]?.bytes;
  return headers.map(({ nameAt, ...header }) => ({ ...header, name: textAt(names, nameAt) }));
}

function textAt(bytes: Buffer | undefined, at: number): string {
  const end = bytes?.indexOf(0, at) ?? -1;
  return end < 0 ? "" : (bytes?.toString("latin1", at, end) ?? "");
}

function parseSymbols(elf: readonly ElfSection[]): ElfSymbol[] {
  const table = elf.find(({ type }) => type === SHT_SYMTAB)?.bytes ?? Buffer.alloc(0);
  const names = elf.find(({ name }) => name === ".strtab")?.bytes;
  return Array.from({ length: Math.floor(table.length / sizes.symbol) }, (_, n) => {
    const at = n * sizes.symbol;
    return {
      name: textAt(names, table.readUInt32LE(at)),
      section: table.readUInt16LE(at + 6),
      value: Number(table.readBigUInt64LE(at + 8)),
    };
  });
}

function parseMap(bytes: Buffer | undefined, at: number, name: string): MapShape {
  if (!bytes || at + sizes.mapDefinition > bytes.length)
    throw new SyntaxError(`Cannot read the eBPF object: its map "${name}" is cut off`);
  const [type = 0, keySize = 0, valueSize = 0, maxEntries = 0, flags = 0] = [0, 4, 8, 12, 16].map((field) =>
    bytes.readUInt32LE(at + field),
  );
  return { type, keySize, valueSize, maxEntries, flags };
}

function parseRelocations(from: {
  readonly elf: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** Of the program's section. */
  readonly index: number;
  readonly maps: ReadonlyMap<string, MapShape>;
}): Map<number, string> {
  const { elf, symbols, index, maps } = from;
  const table = elf.find(({ type, info }) => type === SHT_REL && info === index)?.bytes ?? Buffer.alloc(0);
  const found = new Map<number, string>();
  for (let at = 0; at + sizes.relocation <= table.length; at += sizes.relocation) {
    const symbol = symbols[table.readUInt32LE(at + 12)]?.name ?? "";
    if (table.readUInt32LE(at + 8) !== R_BPF_64_64 || !maps.has(symbol))
      throw new SyntaxError(`Cannot read the eBPF object: "${symbol}" in "${elf[index]?.name}" is no map`);
    found.set(Number(table.readBigUInt64LE(at)), symbol);
  }
  return found;
}

/** BPF_PSEUDO_MAP_FD: the register holds what the descriptor in the immediate value stands for. */
const mapDescriptor = 1;

/** The program's instructions with the descriptors filled in. */
export function linkProgram(program: BpfProgram, descriptors: ReadonlyMap<string, number>): Buffer {
  const instructions = Buffer.from(program.instructions);
  for (const [at, name] of program.maps) {
    const fd = descriptors.get(name);
    if (fd === undefined)
      throw new RangeError(`Cannot link the eBPF program "${program.section}": there is no map "${name}"`);
    instructions.writeUInt8(((instructions[at + 1] ?? 0) & 0x0f) | (mapDescriptor << 4), at + 1);
    instructions.writeUInt32LE(fd, at + 4);
  }
  return instructions;
}
