// What tools/ohif.sh serves of OHIF's package: ohif.mjs PACKAGE FOLDER VERSION

import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const [from, to, version] = process.argv.slice(2);
const dist = join(from, "dist");

/** Served by nobody: maps of sources, what fetches from elsewhere, and what the program writes itself. */
const LEFT_OUT = [
  /\.map$/,
  /^ort\//,
  /^(sw|init-service-worker|google|polyfill\.min|es6-shim\.min|oidc-client\.min|app-config)\.js$/,
  /^(_headers|_redirects|serve\.json|silent-refresh\.html|manifest\.json|index\.html)$/,
  /^assets\/(?!favicon-(16|32))/,
];

let moved = 0;
/** Text with the addresses of its own files below /ohif/. */
function below(name, text) {
  let changed = text;
  if (name.endsWith(".css")) changed = text.replaceAll("url(/", "url(/ohif/");
  if (name.endsWith(".js")) {
    changed = text
      .replaceAll('__webpack_require__.p = "/"', '__webpack_require__.p = "/ohif/"')
      .replaceAll("browserImportFunction('/", "browserImportFunction('/ohif/");
  }
  if (changed !== text) moved += 1;
  return changed;
}

let app;
let style;
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  const name = relative(dist, path).replaceAll("\\", "/");
  if (!entry.isFile() || LEFT_OUT.some((one) => one.test(name))) continue;
  if (/^app\.bundle\..*\.js$/.test(name)) app = name;
  if (name === "app.bundle.css") style = name;
  const plain = readFileSync(path);
  const held = /\.(js|css)$/.test(name) ? Buffer.from(below(name, plain.toString("utf8"))) : plain;
  mkdirSync(dirname(join(to, name)), { recursive: true });
  writeFileSync(join(to, name), held);
  if (!/\.(js|css|svg|wasm)$/.test(name)) continue;
  const small = brotliCompressSync(held, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } });
  if (small.length < held.length * 0.9) writeFileSync(join(to, `${name}.br`), small);
}
if (app === undefined || style === undefined || moved < 3) throw new Error("the package is not as it was expected: nothing is served of it");

// The program writes app-config.js: what the package's own page says in scripts of its own is said there.
writeFileSync(
  join(to, "index.html"),
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>OHIF</title>
<link rel="icon" type="image/png" sizes="32x32" href="/ohif/assets/favicon-32x32.png">
<script src="/ohif/app-config.js"></script>
<script defer src="/ohif/${app}"></script>
<link rel="stylesheet" href="/ohif/${style}">
</head>
<body><noscript>OHIF needs JavaScript.</noscript><div id="react-portal"></div><div id="root"></div></body>
</html>
`,
);
cpSync(join(from, "LICENSE"), join(to, "LICENSE"));
writeFileSync(join(to, "VERSION"), `${version}\n`);
