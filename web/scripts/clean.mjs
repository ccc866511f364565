// Empties dist but for its own .gitignore: the build of the program watches the folder, so that it may not go away.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = new URL("../dist", import.meta.url).pathname;
for (const name of readdirSync(root)) {
  if (name !== ".gitignore") rmSync(join(root, name), { recursive: true });
}
