// Writes a brotli copy beside each text file of dist that gets smaller: the server sends it where it is accepted.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const root = new URL("../dist", import.meta.url).pathname;
for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (!entry.isFile() || !/\.(js|css|html|svg|wasm)$/.test(entry.name)) continue;
  const plain = readFileSync(path);
  const small = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
  if (small.length < plain.length * 0.9) writeFileSync(`${path}.br`, small);
}
